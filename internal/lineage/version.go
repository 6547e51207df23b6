package lineage

import (
	"cmp"
	"slices"
	"strings"
)

// sortable is a version and what orders it among those of the same time.
type sortable struct {
	Version
	ordinal int
	numbers [2]int64
	layer   int
}

// versions groups the files, and reorders list.
func versions(list []named) []Version {
	slices.SortFunc(list, func(a, b named) int {
		return cmp.Or(compareRuns(a, b), compareNumbers(a, b), strings.Compare(a.Path, b.Path))
	})
	var all []sortable
	for len(list) > 0 {
		n := runLength(list, compareRuns)
		all = append(all, split(list[:n])...)
		list = list[n:]
	}
	slices.SortFunc(all, func(a, b sortable) int {
		return cmp.Or(a.Time.Compare(b.Time), a.ordinal-b.ordinal, slices.Compare(a.numbers[:], b.numbers[:]),
			strings.Compare(a.Source, b.Source), a.layer-b.layer, strings.Compare(a.Items[0].Path, b.Items[0].Path))
	})
	var sorted []Version
	for _, v := range all {
		sorted = append(sorted, v.Version)
	}
	return sorted
}

// compareRuns orders files so that those of one run are together: of the same
// source and timestamp, or without a timestamp and of the same time.
func compareRuns(a, b named) int {
	fromName := func(n named) int {
		if n.FromName {
			return 1
		}
		return 0
	}
	return cmp.Or(a.Time.Compare(b.Time), a.ordinal-b.ordinal, fromName(a)-fromName(b), strings.Compare(a.Source, b.Source))
}

func compareNumbers(a, b named) int { return slices.Compare(a.numbers[:], b.numbers[:]) }

// runLength is how many elements at the start of list are equal.
func runLength(list []named, compare func(a, b named) int) int {
	n := 1
	for n < len(list) && compare(list[0], list[n]) == 0 {
		n++
	}
	return n
}

// split makes one version of a run, or, when it has several files of one
// model, a version for each number and for each further file.
func split(run []named) []sortable {
	if layers := layer(run); len(layers) == 1 {
		return layers
	}
	var all []sortable
	for len(run) > 0 {
		n := runLength(run, compareNumbers)
		all = append(all, layer(run[:n])...)
		run = run[n:]
	}
	return all
}

// layer puts the first file of each model into the first version, the second
// into the second and so on.
func layer(run []named) []sortable {
	var layers []sortable
	seen := map[string]int{}
	for _, n := range run {
		i := seen[n.Model]
		seen[n.Model]++
		if i == len(layers) {
			layers = append(layers, sortable{
				Version: Version{Time: run[0].Time, FromName: n.FromName, Source: n.Source},
				ordinal: n.ordinal, numbers: run[0].numbers, layer: i,
			})
		}
		layers[i].Items = append(layers[i].Items, n.Item)
	}
	for _, l := range layers {
		slices.SortFunc(l.Items, func(a, b Item) int { return strings.Compare(a.Model, b.Model) })
	}
	return layers
}
