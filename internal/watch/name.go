package watch

import (
	"regexp"
	"sync"
)

// temporary names are those that programs give to what they have not finished: hidden
// ones, those of editors, model.json.tmp, model.json.tmp-1234, step.orbax-checkpoint-tmp-7.
var temporary = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[.#]|~$|\.(tmp|temp|part|partial|swp|swx|lock|incomplete)$|\.tmp[.-][^/]*$|-tmp-\d+$`)
})

// IsTemporary tells whether a name, without directory, is that of something unfinished.
func IsTemporary(name string) bool { return temporary().MatchString(name) }
