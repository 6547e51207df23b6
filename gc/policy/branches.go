package policy

// ExpiredBranches returns the heads of branches that have a ttl and whose
// newest version lies longer than that before the reference, in the order of
// in.Heads, without the branch current ("": there is none). The caller deletes
// those names and evaluates the history without them; that is when their
// contents may go. Nothing but the heads and the times of versions is read.
func (p *Policy) ExpiredBranches(in *Input, current string) []Head {
	ref := in.reference()
	var list []Head
	for _, h := range in.Heads {
		s := p.branchRules(h.Branch)[ttl]
		if s == nil || s.off || h.Branch == current || h.Version < 0 || h.Version >= len(in.Versions) {
			continue
		}
		if in.Versions[h.Version].Time.Before(ref.Add(-s.d)) {
			list = append(list, h)
		}
	}
	return list
}
