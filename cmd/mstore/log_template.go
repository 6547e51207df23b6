package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/template"

	"github.com/mstore/mstore/store"
)

// templatePrinter prints versions as a template says, over what --json prints.
type templatePrinter struct {
	app     *app
	t       *template.Template
	expired *store.Expired
}

func (a *app) newTemplatePrinter(ctx context.Context, s *store.Store, text string) (*templatePrinter, error) {
	t, err := template.New("format").Option("missingkey=zero").Funcs(template.FuncMap{
		"short": func(id string) string { return id[:min(len(id), 10)] },
		"join": func(sep string, list []any) string {
			parts := make([]string, len(list))
			for i, x := range list {
				parts[i] = fmt.Sprint(x)
			}
			return strings.Join(parts, sep)
		},
		"json": func(x any) (string, error) {
			b, err := json.Marshal(x)
			return string(b), err
		},
	}).Parse(text)
	if err != nil {
		return nil, usagef("for example '{{.version}} {{.metrics.loss}}'", "--format: %s", strings.TrimPrefix(err.Error(), "template: format:"))
	}
	expired, err := s.Expired(ctx)
	return &templatePrinter{a, t, expired}, err
}

func (p *templatePrinter) print(ctx context.Context, s *store.Store, v *store.Version) error {
	changes, err := changesOf(ctx, s, v)
	if err != nil {
		return err
	}
	doc, err := newVersionDoc(v, changes).withNames(v).withExpired(ctx, p.expired, changes)
	if err != nil {
		return err
	}
	var data any
	b, err := json.Marshal(doc)
	if err == nil {
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.UseNumber() // large integers stay what they are
		err = dec.Decode(&data)
	}
	if err != nil {
		return err
	}
	var line bytes.Buffer
	if err := p.t.Execute(&line, data); err != nil {
		return usagef("", "--format: %s", strings.TrimPrefix(err.Error(), "template: format:"))
	}
	line.WriteByte('\n')
	if _, err := p.app.out.Write(line.Bytes()); err != nil {
		return err
	}
	return p.app.out.failed()
}

func (p *templatePrinter) close() error { return nil }
