package main

import (
	"io"
	"strings"

	"github.com/fatih/color"
	"github.com/rivo/uniseg"
)

// cell is one field of a table; look may be nil. A wide one reaches over the
// columns after it, and no column becomes wider for it.
type cell struct {
	text  string
	look  *color.Color
	right bool
	wide  bool
}

// columns is a table without lines: fields two spaces apart, as wide as the
// widest of their column on a terminal.
type columns struct {
	indent string
	rows   [][]cell
}

func (c *columns) add(cells ...cell) { c.rows = append(c.rows, cells) }

func (c *columns) write(w io.Writer) error {
	widths := c.widths()
	for _, row := range c.rows {
		if err := writeRow(w, c.indent, row, widths); err != nil {
			return err
		}
	}
	return nil
}

func (c *columns) widths() []int {
	var widths []int
	for _, row := range c.rows {
		for i, f := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			if !f.wide {
				widths[i] = max(widths[i], textWidth(f.text))
			}
		}
	}
	return widths
}

func writeRow(w io.Writer, indent string, row []cell, widths []int) error {
	for len(row) > 0 && row[len(row)-1].text == "" {
		row = row[:len(row)-1]
	}
	var b strings.Builder
	b.WriteString(indent)
	for i, f := range row {
		if i > 0 {
			b.WriteString("  ")
		}
		pad := strings.Repeat(" ", max(0, widths[i]-textWidth(f.text)))
		if f.right {
			b.WriteString(pad)
		}
		if f.look != nil && f.text != "" {
			b.WriteString(f.look.Sprint(f.text))
		} else {
			b.WriteString(f.text)
		}
		if !f.right && i < len(row)-1 {
			b.WriteString(pad)
		}
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

// textWidth is the number of terminal cells that s takes.
func textWidth(s string) int {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return uniseg.StringWidth(s)
		}
	}
	return len(s)
}
