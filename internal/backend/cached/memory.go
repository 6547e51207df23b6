package cached

import (
	"container/list"
	"sync"
)

// memoryBlocks is how many blocks are kept in memory, verified: readers ask for many
// pieces of one block.
const memoryBlocks = 8

// memory keeps the blocks that were used last.
type memory struct {
	mu     sync.Mutex
	blocks map[blockID]*list.Element
	order  list.List // of *memoryBlock, the last used first
}

type memoryBlock struct {
	id   blockID
	tag  string
	data []byte // never changed
}

func (m *memory) get(id blockID, tag string) ([]byte, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.blocks[id]
	if e == nil || e.Value.(*memoryBlock).tag != tag {
		return nil, false
	}
	m.order.MoveToFront(e)
	return e.Value.(*memoryBlock).data, true
}

func (m *memory) put(id blockID, tag string, data []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.blocks == nil {
		m.blocks = map[blockID]*list.Element{}
	}
	if e := m.blocks[id]; e != nil {
		m.remove(e)
	}
	m.blocks[id] = m.order.PushFront(&memoryBlock{id, tag, data})
	for m.order.Len() > memoryBlocks {
		m.remove(m.order.Back())
	}
}

func (m *memory) remove(e *list.Element) {
	m.order.Remove(e)
	delete(m.blocks, e.Value.(*memoryBlock).id)
}

func (m *memory) forget(key string) (any bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for id, e := range m.blocks {
		if id.key == key {
			m.remove(e)
			any = true
		}
	}
	return any
}
