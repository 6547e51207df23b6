package policy

import "time"

// ExpiredBranches returns the heads of branches that have a ttl and whose
// newest version lies longer than that before the reference, in the order of
// in.Heads, without the branch current ("": there is none). The caller deletes
// those names and evaluates the history without them; that is when their
// contents may go. Nothing but the heads and the times of versions is read.
func (p *Policy) ExpiredBranches(in *Input, current string) []Head {
	ref := in.reference()
	var list []Head
	for _, h := range in.Heads {
		if h.Branch == current || h.Version < 0 || h.Version >= len(in.Versions) {
			continue
		}
		if p.ttlOver(h.Branch, in.Versions[h.Version].Time, ref) {
			list = append(list, h)
		}
	}
	return list
}

// ttlOver tells whether a branch whose newest version has that time is too old.
func (p *Policy) ttlOver(branch string, newest, ref time.Time) bool {
	s := p.branchRules(branch)[ttl]
	return s != nil && !s.off && newest.Before(ref.Add(-s.d))
}
