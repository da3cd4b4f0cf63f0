package gocell

import (
	"go/ast"
	"go/token"
	"go/types"
	"path"
	"regexp"
	"slices"
	"strings"
)

// version is the last element of a path that names no package.
var version = regexp.MustCompile(`^v[0-9]+$`)

// packageNames are the names that the package of a path may have. They are exact
// where there is but one: a package is named as the last element of its path,
// unless it is of a repository, whose name may have more to it.
func packageNames(of string) (names []string, exact bool) {
	last := path.Base(of)
	if dir := path.Dir(of); version.MatchString(last) && dir != "." {
		last = path.Base(dir)
	}
	first, _, _ := strings.Cut(of, "/")
	if !strings.Contains(first, ".") {
		return []string{last}, true
	}
	if at := strings.LastIndex(last, ".v"); at > 0 && version.MatchString(last[at+1:]) {
		last = last[:at]
	}
	names = []string{last, strings.TrimPrefix(last, "go-"), strings.TrimSuffix(last, "-go"), strings.TrimSuffix(last, ".go")}
	names = append(names, strings.Split(last, "-")...)
	slices.Sort(names)
	return slices.Compact(names), false
}

// uses is what code needs from elsewhere.
type uses struct {
	packages map[string]bool // what stands before a dot
	exported map[string]bool // what may be a name of a package that is imported with a dot
}

// uses looks through nodes of the file.
func (f *file) uses(nodes ...ast.Node) uses {
	u := uses{make(map[string]bool), make(map[string]bool)}
	for _, n := range nodes {
		ast.Inspect(n, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if base, ok := n.X.(*ast.Ident); ok && f.free[base] {
					u.packages[base.Name] = true
				}
			case *ast.Ident:
				if f.free[n] && n.IsExported() {
					u.exported[n.Name] = true
				}
			}
			return true
		})
	}
	return u
}

// declares reports whether the file declares the name.
func (f *file) declares(name string) bool { return f.Scope.Lookup(name) != nil }

// needs are the imports that are used. declared tells the package's own names.
func (c *cell) needs(u uses, all []*imported, declared func(string) bool) (needed []*imported) {
	explained := map[string]bool{}
	for _, i := range all {
		for _, n := range i.names {
			explained[n] = true
		}
	}
	// A name that nothing explains may be that of a package whose path does not tell.
	unknown := false
	for name := range u.packages {
		unknown = unknown || !explained[name] && !declared(name) && types.Universe.Lookup(name) == nil
	}
	for _, i := range all {
		use := false
		switch {
		case i.blank(), i.path == `"C"`:
			use = true
		case i.dot():
			for name := range u.exported {
				use = use || !declared(name)
			}
		default:
			use = slices.ContainsFunc(i.names, func(n string) bool { return u.packages[n] }) || unknown && !i.exact
		}
		if use {
			needed = append(needed, i)
		}
	}
	return needed
}

// key is what two imports of a file must not share, with different paths.
func (i *imported) key() string {
	if i.blank() || i.dot() || !token.IsIdentifier(i.names[0]) {
		return i.name + " " + i.path
	}
	return i.names[0]
}
