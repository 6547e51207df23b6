package main

import (
	"context"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/mstore/mstore/internal/plot"
	"github.com/mstore/mstore/store"
)

const plotLong = `Draw numbers over versions, the oldest at the left: in the terminal, or with
--svg as a picture. A FIELD is metrics.NAME, params.NAME, any other field of
'log --where' that is a number, or

  size    the bytes of all models, or of PATH
  stored  with PATH: what each version of it added to the store, as 'mstore stats
          PATH' tells

With PATH only versions count that changed this model or something in this
directory. Several branches, or REVs, are drawn together, each with the versions
that led to it; without any it is HEAD. An argument after the first that names a
file is the PATH, also if a field is called so; -- separates where that is not
clear. At most eight lines.

Versions without the value leave a gap. What is not finite (NaN, Inf) is left out,
with --log also what is not above 0; a warning says so. Of many versions each place
shows the smallest and the largest value.

--since and --until take 7d, 36h, yesterday, '3 days ago', a date or a time; --until
a date takes the whole day. --where takes an expression as log does. FILE of --svg is
written whole or not at all, and a file that is no SVG is not overwritten; - is
standard output.

With --json: series (branch, field, path, points: version, id, time, value), the
points newest first, all of them; branch is the REV where one was given.

Exit codes: 0 done; 2 wrong usage, or no version has the value; 3 no store, no such
version, or no version that has PATH; 4 the journal is damaged; 5 FILE is there and
no SVG; 130 interrupted.`

func newPlotCommand(a *app) *cobra.Command {
	var o plotOptions
	cmd := &cobra.Command{
		Use:   "plot FIELD... [PATH] [REV...]",
		Short: "Draw a metric, a parameter or sizes over versions",
		Long:  plotLong,
		Example: `  mstore plot metrics.loss
  mstore plot metrics.loss --branch main --branch exp --log
  mstore plot metrics.loss metrics.val_loss model.json --since 30d --x time
  mstore plot stored model.json --svg stored.svg
  mstore plot metrics.acc --json | jq '.series[0].points | max_by(.value)'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("mstore plot metrics.loss", "plot needs a FIELD")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.args, o.dash, o.flags = args, cmd.ArgsLenAtDash(), cmd.Flags()
			return runPlot(cmd.Context(), a, o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.branches, "branch", nil, "draw branch `NAME`; may be repeated")
	f.StringVar(&o.since, "since", "", "only versions made since `TIME`")
	f.StringVar(&o.until, "until", "", "only versions made until `TIME`")
	f.StringVar(&o.where, "where", "", "only versions for which `EXPR` holds")
	f.IntVarP(&o.limit, "limit", "n", 0, "only the newest `N` versions of each branch")
	f.StringVar(&o.x, "x", "version", "what is drawn over: version or `time`")
	f.BoolVar(&o.log, "log", false, "logarithmic values")
	f.StringVar(&o.svg, "svg", "", "write an SVG to `FILE`")
	f.IntVar(&o.width, "width", 0, "columns; of an SVG pixels (960)")
	f.IntVar(&o.height, "height", 0, "rows; of an SVG pixels (480)")
	a.jsonFlag(cmd, "print JSON: series (branch, field, path, points)")
	cmd.RegisterFlagCompletionFunc("branch", a.completeName(store.Branch))
	cmd.RegisterFlagCompletionFunc("x", cobra.FixedCompletions([]cobra.Completion{"version", "time"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

type plotOptions struct {
	args                []string
	dash                int
	flags               *pflag.FlagSet
	branches            []string
	since, until, where string
	limit               int
	x, svg              string
	log                 bool
	width, height       int
}

// check refuses flags that make no sense.
func (o *plotOptions) check(json bool) error {
	if json {
		for _, name := range []string{"svg", "log", "x", "width", "height"} {
			if o.flags.Changed(name) {
				return usagef("", "--%s is for a drawing, and goes without --json", name)
			}
		}
	}
	least, most := [2]int{20, 2}, [2]int{1000, 500}
	if o.svg != "" {
		least, most = [2]int{200, 150}, [2]int{10000, 10000}
	}
	switch {
	case o.x != "version" && o.x != "time":
		return usagef("--x version or --x time", "--x %q: not understood", o.x)
	case o.flags.Changed("limit") && o.limit < 1:
		return usagef("", "-n %d: want a number above 0", o.limit)
	case o.flags.Changed("width") && (o.width < least[0] || o.width > most[0]):
		return usagef("", "--width %d: want %d to %d", o.width, least[0], most[0])
	case o.flags.Changed("height") && (o.height < least[1] || o.height > most[1]):
		return usagef("", "--height %d: want %d to %d", o.height, least[1], most[1])
	}
	return nil
}

func runPlot(ctx context.Context, a *app, o plotOptions) error {
	if err := o.check(a.json); err != nil {
		return err
	}
	debug.SetGCPercent(400) // versions pass through; little of them lives long
	return a.with(ctx, func(s *store.Store) error {
		q, err := a.newPlotQuery(ctx, s, o)
		if err != nil {
			return err
		}
		if a.json {
			return a.plotJSON(ctx, q)
		}
		chart, err := a.plotChart(ctx, q, o)
		if err != nil {
			return err
		}
		a.progress.close()
		if o.svg != "" {
			return a.writeSVG(chart, o)
		}
		width, height := a.plotSize(o)
		a.out.WriteString(chart.Text(width, height, a.style.colored))
		return a.out.failed()
	})
}

// plotSize is how many columns and rows a drawing has: what was asked for, what
// the terminal has, or 80 and 15.
func (a *app) plotSize(o plotOptions) (width, height int) {
	width, height = 80, 15
	if isTerminal(a.out.w) {
		if w, h, err := term.GetSize(int(a.out.w.(*os.File).Fd())); err == nil && w > 0 && h > 0 {
			width, height = max(w, 20), max(min(height, h-7), 3)
		}
	}
	if o.width > 0 {
		width = o.width
	}
	if o.height > 0 {
		height = o.height
	}
	return width, height
}

// plotCells bounds what is remembered of a line: many times what the widest
// drawing can show.
const plotCells = 1 << 14

// plotChart reads what is to be drawn.
func (a *app) plotChart(ctx context.Context, q *plotQuery, o plotOptions) (*plot.Chart, error) {
	c := &plot.Chart{Title: q.title(), Log: o.log, XLabel: plot.VersionLabel, YLabel: plot.Number}
	if o.x == "time" {
		c.XLabel = plot.TimeLabel
	}
	if q.allBytes() {
		c.YLabel = plot.Bytes
	}
	left := leftOut{}
	missing := make([]bool, len(q.fields))
	for i := range missing {
		missing[i] = true
	}
	for _, line := range q.lines {
		samplers := make([]*plot.Sampler, len(q.fields))
		for i := range samplers {
			samplers[i] = plot.NewSampler(plotCells)
		}
		err := q.read(ctx, line, q.fields, func(v *store.Version, field int, value any) (bool, error) {
			x := int64(v.Seq)
			if o.x == "time" {
				x = v.Time.UnixMicro()
			}
			if y, ok := left.number(value, o.log); ok {
				samplers[field].Add(x, y)
				missing[field] = false
			} else {
				samplers[field].AddGap(x)
			}
			return true, nil
		})
		if err != nil {
			return nil, err
		}
		for i, smp := range samplers {
			if smp.Len() > 0 {
				c.Series = append(c.Series, plot.Series{Label: q.label(line, i), Points: smp.Points()})
			} else if len(q.lines) > 1 {
				a.warn(line.name + ": no version has " + q.fields[i].name)
			}
		}
	}
	for i, none := range missing {
		if none {
			return nil, q.noValue(i, left)
		}
	}
	left.warn(a)
	return c, nil
}
