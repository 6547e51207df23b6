package expr

// Nearest returns up to three of the names that differ little from name, the
// nearest first.
func Nearest(name string, names []string) []string {
	fields := make([]Field, len(names))
	for i, n := range names {
		fields[i].Name = n
	}
	return nearest(name, fields)
}
