package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// pending is a part of a file that is decoded later.
type pending struct {
	node ast.Node
	from origin
}

// document decodes a file over what is there.
func (l *loader) document(from origin, text []byte) {
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		reason := err.Error()
		if syntax, ok := errors.AsType[yaml.Error](err); ok {
			reason = syntax.GetMessage()
			if at := syntax.GetToken(); at != nil && at.Position != nil {
				from.line = at.Position.Line
			}
		}
		l.failAt(from, "", "is not YAML: "+reason)
		return
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.CommentType {
			continue
		}
		if body != nil {
			from.line = lineOf(doc.Body)
			l.failAt(from, "", "begins a second document; a configuration is one")
			return
		}
		body = doc.Body
	}
	if body != nil {
		l.section(body, reflect.ValueOf(&l.config).Elem(), "", from)
	}
}

// section decodes a mapping into the fields of the struct v.
func (l *loader) section(node ast.Node, v reflect.Value, path string, from origin) {
	fields := fieldsOf(v, path)
	l.mapping(node, path, from, func(key string, value ast.Node, at origin) {
		for _, f := range fields {
			if f.name() == key {
				l.field(value, f, at)
				return
			}
		}
		full := key
		if path != "" {
			full = path + "." + key
		}
		l.failAt(at, full, "no such field"+l.suggest(key, fields))
	})
}

// suggest names the field that was probably meant: one of fields, or one of another section by the same name.
func (l *loader) suggest(key string, fields []field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name()
	}
	if hint := didYouMean(key, names); hint != "" {
		return hint
	}
	for _, f := range leavesOf(reflect.ValueOf(&l.config).Elem(), "") {
		if f.name() == key || strings.ReplaceAll(f.path, ".", "_") == key {
			return "; did you mean " + f.path + "?"
		}
	}
	return ""
}

// field decodes one value.
func (l *loader) field(node ast.Node, f field, from origin) {
	if f.isSection() {
		l.section(node, f.value, f.path, from)
		return
	}
	if node.Type() == ast.NullType {
		l.failAt(from, f.path, "has no value; leave the line out for the default")
		return
	}
	switch value := f.value.Addr().Interface().(type) {
	case *Pushes:
		l.origins[f.path] = from
		*value = relays(l, node, f.path, from, newPush)
		return
	case *Pulls:
		l.origins[f.path] = from
		*value = relays(l, node, f.path, from, newPull)
		return
	case *Apps:
		l.apps = pending{node, from}
		return
	case *VHosts:
		l.vhosts = pending{node, from}
		return
	}
	if list, ok := node.(*ast.SequenceNode); ok && f.value.Kind() == reflect.Slice {
		l.list(list, f, from)
		return
	}
	text, ok := scalar(node)
	if !ok {
		want := "must be a single value"
		if f.value.Kind() == reflect.Slice {
			want = "must be a list such as [loopback, private]"
		}
		l.failAt(from, f.path, want+tooClever(node))
		return
	}
	l.set(f, from, text)
}

// list decodes a sequence; a mistake in an element is reported at the element's line.
func (l *loader) list(node *ast.SequenceNode, f field, from origin) {
	l.origins[f.path] = from
	f.value.Set(reflect.MakeSlice(f.value.Type(), 0, len(node.Values)))
	for _, item := range node.Values {
		at := from
		at.line = lineOf(item)
		text, ok := scalar(item)
		if !ok {
			l.failAt(at, f.path, "must be a list of single values")
			continue
		}
		element := reflect.New(f.value.Type().Elem()).Elem()
		if err := setText(element, text); err != nil {
			l.failAt(at, f.path, fmt.Sprintf("%s, not %q", err, text))
			continue
		}
		f.value.Set(reflect.Append(f.value, element))
	}
}

// decodeApps decodes applications, each over the defaults.
func (l *loader) decodeApps(p pending) Apps {
	return l.appsAt(p.node, "apps", p.from)
}

func (l *loader) appsAt(node ast.Node, path string, from origin) Apps {
	apps := Apps{}
	l.mapping(node, path, from, func(pattern string, value ast.Node, at origin) {
		app := NamedApp{Pattern: pattern, App: l.config.Defaults}
		app.PublishTokenFile, app.PlayTokenFile = "", "" // their tokens are taken over
		name := path + "." + pattern
		l.origins[name] = at
		l.section(value, reflect.ValueOf(&app.App).Elem(), name, at)
		l.tokens(&app.App, name)
		apps = append(apps, app)
	})
	return apps
}

// decodeVHosts decodes virtual hosts, the applications of each over the defaults.
func (l *loader) decodeVHosts(p pending) VHosts {
	hosts := VHosts{}
	l.mapping(p.node, "vhosts", p.from, func(host string, value ast.Node, at origin) {
		v := VHost{Host: strings.ToLower(host)}
		name := "vhosts." + v.Host
		l.origins[name] = at
		l.mapping(value, name, at, func(key string, value ast.Node, at origin) {
			if key != "apps" {
				l.failAt(at, name+"."+key, "no such field; a virtual host has apps")
				return
			}
			v.Apps = l.appsAt(value, name+".apps", at)
		})
		hosts = append(hosts, v)
	})
	return hosts
}

// mapping calls each for the keys of a mapping in their order, with the place where the key stands. Nothing at
// all stands for an empty mapping.
func (l *loader) mapping(node ast.Node, path string, from origin, each func(key string, value ast.Node, at origin)) {
	var values []*ast.MappingValueNode
	switch node := node.(type) {
	case *ast.MappingNode:
		values = node.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{node}
	case *ast.NullNode:
	default:
		from.line = lineOf(node)
		l.failAt(from, path, "must hold fields, as in \"key: value\""+tooClever(node))
	}
	for _, entry := range values {
		at := from
		at.line = lineOf(entry.Key)
		key, ok := scalar(entry.Key)
		if !ok {
			l.failAt(at, path, "has a key that is not a plain word"+tooClever(entry.Key))
			continue
		}
		each(key, entry.Value, at)
	}
}

// tooClever explains why a node of YAML's rarer kinds is not taken: a configuration should be read at night.
func tooClever(node ast.Node) string {
	switch node.Type() {
	case ast.AnchorType, ast.AliasType, ast.MergeKeyType, ast.TagType:
		return "; anchors, merge keys and tags are not taken here"
	}
	return ""
}

// scalar returns the text of a single value as it stands in the file, without quotes.
func scalar(node ast.Node) (string, bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, true
	case *ast.LiteralNode:
		return node.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, true
	}
	return "", false
}

// lineOf returns the line on which a node begins.
func lineOf(node ast.Node) int {
	if at := node.GetToken(); at != nil && at.Position != nil {
		return at.Position.Line
	}
	return 0
}
