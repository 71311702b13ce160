package amf

import (
	"fmt"
	"reflect"
)

// Registry knows classes by their alias: Go structs and externalizable classes. A Decoder or Encoder that has it in
// its Registry field uses it. A nil or zero Registry knows the externalizable classes of Flex (see ClassArrayCollection).
// It must not be changed while it is in use; then it is safe for concurrent use.
type Registry struct {
	types     map[string]reflect.Type
	aliases   map[reflect.Type]string
	externals map[string]Externalizer
}

// RegisterClass gives a struct type a class alias. Values of the type, and pointers to them, are then written as
// typed objects, in AMF3 with all fields as sealed members. Decoder.DecodeInto makes objects of that class pointers
// to the struct when it stores them in an empty interface. v is a value of the type or a pointer to one, its
// contents do not matter. RegisterClass panics if alias is empty or v is not a struct.
func (r *Registry) RegisterClass(alias string, v any) {
	t := reflect.TypeOf(v)
	if t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if alias == "" || t == nil || t.Kind() != reflect.Struct {
		panic(fmt.Sprintf("amf: RegisterClass(%q): %T is not a struct, or the alias is empty", alias, v))
	}
	if r.types == nil {
		r.types = make(map[string]reflect.Type)
		r.aliases = make(map[reflect.Type]string)
	}
	r.types[alias] = t
	r.aliases[t] = alias
}

// RegisterExternalizer makes x code the bodies of an externalizable class, also of one that is built in.
func (r *Registry) RegisterExternalizer(alias string, x Externalizer) {
	if r.externals == nil {
		r.externals = make(map[string]Externalizer)
	}
	r.externals[alias] = x
}

// externalizer returns what codes a class, nil if the class is unknown.
func (r *Registry) externalizer(class string) Externalizer {
	if r != nil {
		if x, ok := r.externals[class]; ok {
			return x
		}
	}
	return flexExternalizer(class)
}

// alias returns the class alias of a struct type, "" if it has none.
func (r *Registry) alias(t reflect.Type) string {
	if r == nil {
		return ""
	}
	return r.aliases[t]
}

// typeOf returns the struct type of a class, nil if there is none.
func (r *Registry) typeOf(class string) reflect.Type {
	if r == nil || class == "" {
		return nil
	}
	return r.types[class]
}
