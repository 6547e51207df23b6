package store

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mstore/mstore/journal"
	"github.com/mstore/mstore/schema"
)

// kindSetting begins the settings that hold the kinds which users have added.
const kindSetting = "kind."

// settings are all that apply here: the workspace's, else the shared ones.
func (s *Store) settings(st *journal.State) (map[string]string, error) {
	local, err := s.localConfig()
	if err != nil {
		return nil, err
	}
	all := maps.Clone(st.Config)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, local)
	return all, nil
}

// registryOf puts the kinds of the settings before those that are built in.
func registryOf(settings map[string]string) (*schema.Registry, error) {
	var own []*schema.Kind
	for _, key := range sortedKeys(settings) {
		name, ok := strings.CutPrefix(key, kindSetting)
		if !ok {
			continue
		}
		k, err := schema.ParseKind("the kind "+name, []byte(settings[key]))
		if err != nil {
			return nil, as(ErrUsage, err)
		}
		own = append(own, k)
	}
	return schema.NewRegistry(own...)
}

// Kinds returns the kinds of models that the store knows.
func (s *Store) Kinds(ctx context.Context) (*schema.Registry, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := s.settings(sn.st)
	if err != nil {
		return nil, err
	}
	return registryOf(settings)
}

// AddKind puts a kind into the settings that all who use the store share, in the place
// of one of the same name; src is its file. Errors wrap ErrUsage where the file cannot
// be understood.
func (s *Store) AddKind(ctx context.Context, file string, src []byte) (*schema.Kind, error) {
	k, err := schema.ParseKind(file, src)
	if err != nil {
		return nil, as(ErrUsage, err)
	}
	return k, s.SetConfig(ctx, kindSetting+k.Name, string(src), false)
}

// RemoveKind takes a kind that was added out of the settings.
func (s *Store) RemoveKind(ctx context.Context, name string) error {
	return s.UnsetConfig(ctx, kindSetting+name, false)
}

// checkKind is of the settings kind.NAME.
func checkKind(key, value string) error {
	k, err := schema.ParseKind(key, []byte(value))
	if err != nil {
		return err
	}
	if name := strings.TrimPrefix(key, kindSetting); name != k.Name {
		return fmt.Errorf("the file is of the kind %s", k.Name)
	}
	return nil
}

// Settings of metadata.
const (
	metaParams  = "meta.params."
	metaMetrics = "meta.metrics."
	metaGit     = "meta.git"
	metaSystem  = "meta.system"
)

// extracts are the values that the settings take from every document.
func extracts(settings map[string]string, prefix string) (list []schema.Extract, err error) {
	for _, key := range sortedKeys(settings) {
		name, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		p, err := schema.ParsePath(settings[key])
		if err != nil {
			return nil, as(ErrUsage, fmt.Errorf("setting %s: %w", key, err))
		}
		list = append(list, schema.Extract{Name: name, Path: p})
	}
	return list, nil
}

func sortedKeys[M ~map[K]V, K cmp.Ordered, V any](m M) []K { return slices.Sorted(maps.Keys(m)) }

// Validate looks at one saved model, with the kinds and settings of the store.
func (s *Store) Validate(ctx context.Context, rev, path string, o schema.Options) (*schema.Report, error) {
	r, err := s.OpenModel(ctx, rev, path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	c, err := s.Checker(ctx, o)
	if err != nil {
		return nil, err
	}
	return c.Check(ctx, schema.Input{Name: path, Size: r.Model().Size, At: r,
		Open: func() (io.ReadCloser, error) { return s.OpenModel(ctx, rev, path) }})
}

// Checker validates with the kinds and settings of the store.
type Checker struct {
	registry *schema.Registry
	options  schema.Options
}

// Checker returns one that keeps to o beyond what the settings say.
func (s *Store) Checker(ctx context.Context, o schema.Options) (*Checker, error) {
	sn, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	g, err := s.newGate(sn.st, "")
	if err != nil {
		return nil, err
	}
	o.Params, o.Metrics = slices.Concat(o.Params, g.options.Params), slices.Concat(o.Metrics, g.options.Metrics)
	kinds, err := g.kinds()
	return &Checker{kinds, o}, err
}

// NewChecker returns a checker with the built-in kinds, for use without a store.
func NewChecker(o schema.Options) (*Checker, error) {
	r, err := schema.NewRegistry()
	return &Checker{r, o}, err
}

// Check looks at one model.
func (c *Checker) Check(ctx context.Context, in schema.Input) (*schema.Report, error) {
	return c.registry.Check(ctx, in, c.options)
}

// NewCheckerWith returns a checker with the kinds given.
func NewCheckerWith(r *schema.Registry, o schema.Options) *Checker { return &Checker{r, o} }
