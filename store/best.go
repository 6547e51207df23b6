package store

import (
	"context"
	"fmt"

	"github.com/mstore/mstore/index"
	"github.com/mstore/mstore/internal/expr"
)

// bestOf begins the settings that say whether a metric is better the smaller or the larger
// it is: "min" or "max".
const bestOf = "best."

func checkBest(_, value string) error {
	if value != "min" && value != "max" {
		return fmt.Errorf("%q is not min or max", value)
	}
	return nil
}

// BestOptions say which versions are compared.
type BestOptions struct {
	Metric string // its name
	Max    bool   // the larger the better
	LogOptions
}

// Scored is a version with a metric.
type Scored struct {
	Version *Version
	Path    string // the first of LogOptions.Paths that it changed; without any the only model that it changed, or ""
	Value   any    // int64 or float64
}

// IsBest tells whether the settings say that a metric is better the larger it is; known is
// false when they say nothing.
func (s *Store) IsBest(ctx context.Context, metric string) (larger, known bool, err error) {
	sn, err := s.load(ctx)
	if err != nil {
		return false, false, err
	}
	switch s.setting(sn.st, bestOf+metric) {
	case "min":
		return false, true, nil
	case "max":
		return true, true, nil
	}
	return false, false, nil
}

// Best lists the versions with the best values of a metric, the best first, and of equal
// ones the newest first. Versions without a number there are left out; that no version has
// the metric is ErrUsage, and names similar ones. Sort and Reverse are not looked at.
func (s *Store) Best(ctx context.Context, o BestOptions) ([]Scored, error) {
	field := "metrics." + o.Metric
	o.Sort, o.Reverse = field, o.Max
	q, err := s.newQuery(ctx, &o.LogOptions)
	if err != nil {
		return nil, classify(err)
	}
	asked := q.where.Expr
	q.where.Expr = expr.And(asked, expr.IsNumber(field))
	var list []Scored
	err = q.ask(ctx, func(iq *index.Query) error {
		if err := q.bound(ctx); err != nil {
			return err
		}
		hits, err := iq.Sorted(field, o.Max, o.Limit, q.where)
		if err != nil {
			return err
		}
		for _, h := range hits {
			v, err := q.version(ctx, h)
			if err != nil {
				return err
			}
			if v.Aside, err = q.aside(ctx, v); err != nil {
				return err
			}
			sc := Scored{Version: v, Path: h.Path, Value: h.Value}
			if len(o.Paths) == 0 && len(v.Changes) == 1 {
				sc.Path = v.Changes[0].Path
			}
			list = append(list, sc)
		}
		if len(list) == 0 {
			q.where.Expr = asked
			return q.explainNothing(iq)
		}
		return nil
	})
	return list, classify(err)
}
