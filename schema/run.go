package schema

// run is one kind at work on one document, or on the data of a wrapper.
type run struct {
	cand   candidate // without a kind: what is done for all
	limit  int
	report Report

	top      *pathNode
	onMember func(name string, next *here)

	stats    []*Stat
	figures  [][]*figure // of stats
	rules    []*ruleState
	extracts []extract
}

// extract is a value that becomes metadata.
type extract struct {
	to    string // "params", "metrics", "source"
	name  string
	stat  Stat
	value []*figure
}

func newRun(c candidate, o *Options) *run {
	r := &run{cand: c, limit: o.Limit, top: &pathNode{}}
	k := c.kind
	if k == nil {
		k = &Kind{}
	}
	for _, list := range [][]Stat{k.Values, k.Stats} {
		for i := range list {
			s := &list[i]
			r.stats = append(r.stats, s)
			r.figures = append(r.figures, r.figuresOf(s))
		}
	}
	for i := range k.Rules {
		if k.Rules[i].Each != nil {
			r.rules = append(r.rules, newRuleState(&k.Rules[i]))
		}
	}
	take := func(to string, list []Extract) {
		for _, x := range list {
			r.take(to, x.Name, []Path{x.Path})
		}
	}
	take("params", o.Params)
	take("metrics", o.Metrics)
	take("params", k.Params)
	take("metrics", k.Metrics)
	if len(k.From) > 0 {
		r.take("source", "", k.From)
	}
	return r
}

func (r *run) figuresOf(s *Stat) (out []*figure) {
	for _, p := range s.Paths {
		out = append(out, newFigure(r.top, s, p))
	}
	return out
}

func (r *run) take(to, name string, paths []Path) {
	x := extract{to: to, name: name, stat: Stat{Op: "value", Paths: paths}}
	x.value = r.figuresOf(&x.stat)
	r.extracts = append(r.extracts, x)
}

// join lets the run look at the value that comes next as its document.
func (r *run) join(h *here) {
	if k := r.cand.kind; k != nil {
		if p := k.must.plan(); p != nil {
			h.plans = append(h.plans, lookup{r, Error, "schema", p})
		}
		if p := k.should.plan(); p != nil {
			h.plans = append(h.plans, lookup{r, Warning, "expects", p})
		}
	}
	h.paths = append(h.paths, follow{r, r.top})
	for _, s := range r.rules {
		h.paths = append(h.paths, follow{r, s.top})
	}
}

func (r *run) add(f Finding) { r.report.add(f, r.limit) }

// finish evaluates the rules.
func (r *run) finish() {
	known := figures{}
	for i, s := range r.stats {
		if v := s.compute(r.figures[i], known); v != nil {
			known[s.Name] = v
		}
	}
	k := r.cand.kind
	if k != nil {
		for i := range k.Stats {
			if v, ok := known[k.Stats[i].Name]; ok {
				r.report.Stats = append(r.report.Stats, Value{k.Stats[i].Name, v})
			}
		}
		for i := range k.Rules {
			if rule := &k.Rules[i]; rule.Each == nil {
				if f, ok := rule.judge(known); !ok {
					r.add(f)
				}
			}
		}
	}
	for _, s := range r.rules {
		if !s.rule.applies(known) {
			continue
		}
		if f, ok := s.finding(); !ok {
			r.add(f)
		}
	}
	for i := range r.extracts {
		r.keep(&r.extracts[i])
	}
}

// keep puts an extracted value where it belongs; what came first stays.
func (r *run) keep(x *extract) {
	v := x.stat.compute(x.value, nil)
	if v == nil {
		return
	}
	put := func(m *map[string]any) {
		if *m == nil {
			*m = map[string]any{}
		}
		if _, taken := (*m)[x.name]; !taken {
			(*m)[x.name] = v
		}
	}
	switch x.to {
	case "params":
		put(&r.report.Params)
	case "metrics":
		put(&r.report.Metrics)
	case "source":
		if s, ok := v.(string); ok {
			r.report.Source = s
		}
	}
}
