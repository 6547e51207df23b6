package policy

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Evaluate decides what becomes of every item of a history; the package's
// documentation says how. It fails when an index of the input is out of range
// or an expression cannot be evaluated, and decides nothing then.
//
// Time and memory grow with the changes of the input and with paths × (heads +
// deleted branches + pins of whole versions); the result takes 96 bytes an
// item, everything else less than half as much.
func (p *Policy) Evaluate(in *Input) (*Result, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	ev := &evaluation{
		p: p, in: in, ref: in.reference(),
		forest: newForest(in.Versions), lines: newLines(p, in), reasons: newReasonTable(),
		spans: map[spanKey]*span{}, matches: map[string][]int8{}, kinds: map[rules]*kind{}, best: map[*setting]*bestRule{},
	}
	ev.items, ev.events = gather(in.Versions, ev.forest)
	ev.firstReasons()
	ev.future = ev.pickFuture()
	ev.points, ev.pathPins = ev.findPoints()
	ev.dates = newDates(in.Versions, ev.ref)
	ev.metrics = rankMetrics(in.Versions, p.Metrics())
	w := &work{}
	for path := range ev.events.paths {
		if err := ev.path(w, int32(path)); err != nil {
			return nil, err
		}
	}
	ev.keepSame()
	return &Result{Items: ev.items, Reference: ev.ref}, nil
}

// evaluation is the state of one call of Evaluate.
type evaluation struct {
	p   *Policy
	in  *Input
	ref time.Time

	forest  *forest
	lines   *lines
	items   []Item
	events  *events
	reasons *reasonTable

	spans    map[spanKey]*span
	matches  map[string][]int8 // by expression and version: 1 holds, -1 does not, 0 not known yet
	future   span
	points   []point
	pathPins map[int32][]point // by path
	dates    *dates
	metrics  map[string][]int32 // by name and version
	best     map[*setting]*bestRule
	kinds    map[rules]*kind
}

// kind is what holds for all models to which the same rules apply.
type kind struct {
	classes  []effective // by class of line
	spans    []span
	verdicts []verdict // by cover
}

// verdict is what being on lines means by itself.
type verdict struct {
	noPolicy bool     // one of the lines has no keep rule
	expired  []string // the reason of what nothing keeps
}

// firstReasons numbers the reasons that many items have, so that they fit a mask.
func (ev *evaluation) firstReasons() {
	ev.reasons.id(rankNoPolicy, noPolicyText)
	ev.reasons.id(rankFuture, futureText)
	ev.p.each(func(s *setting) {
		if !s.off && s.rule != keepBest && s.rule != ttl {
			ev.reasons.id(rank(s.rule), s.reason())
		}
	})
}

// findPoints returns the tips of lines and the pins in the forest's order;
// those pins that are for one path apart.
func (ev *evaluation) findPoints() ([]point, map[int32][]point) {
	var all []point
	for _, l := range ev.lines.list {
		p := point{ev.forest.pre[l.tip], -1, l.class}
		if l.head {
			p.reason = ev.reasons.id(rankHead, "head of "+l.branch)
		}
		all = append(all, p)
	}
	one := map[int32][]point{}
	for _, pin := range ev.in.Pins {
		text := pin.Reason
		if text == "" {
			text = "pinned"
		}
		p := point{ev.forest.pre[pin.Version], ev.reasons.id(rankPin, text), -1}
		if pin.Path == "" {
			all = append(all, p)
		} else if path, ok := ev.events.ids[pin.Path]; ok {
			one[path] = append(one[path], p)
		}
	}
	sortPoints(all)
	return all, one
}

func sortPoints(list []point) {
	slices.SortFunc(list, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.pre, b.pre), cmp.Compare(a.class, b.class), cmp.Compare(a.reason, b.reason))
	})
}

// kindOf finds the rules of a path.
func (ev *evaluation) kindOf(path string) (*kind, error) {
	model := ev.p.modelRules(path)
	if k, ok := ev.kinds[model]; ok {
		return k, nil
	}
	k := &kind{}
	for i := range ev.lines.classes {
		k.classes = append(k.classes, ev.newEffective(model.over(&ev.lines.classes[i])))
	}
	for _, classes := range ev.lines.covers {
		k.verdicts = append(k.verdicts, ev.newVerdict(k, classes))
	}
	var err error
	if k.spans, err = ev.spansFor(&model); err != nil {
		return nil, err
	}
	ev.kinds[model] = k
	return k, nil
}

func (ev *evaluation) newVerdict(k *kind, classes []int32) verdict {
	if classes != nil && len(classes) == 0 {
		return verdict{expired: []string{ttlText}}
	}
	if len(classes) == 0 {
		text := ev.in.SafetyReason
		if text == "" {
			text = "safety version"
		}
		return verdict{expired: []string{text}}
	}
	v := verdict{}
	asked := map[string]bool{}
	var texts []string
	for r := range ttl {
		var level []string
		for _, c := range classes {
			e := &k.classes[c]
			v.noPolicy = v.noPolicy || e.noPolicy
			if s := e.rules[r]; s != nil && !s.off && !asked[s.String()] {
				asked[s.String()] = true
				level = append(level, s.String())
			}
		}
		slices.Sort(level)
		texts = append(texts, level...)
	}
	v.expired = []string{"not kept by " + strings.Join(texts, ", ")}
	return v
}
