package amf

import (
	"math"
	"reflect"
	"strconv"
	"strings"
)

// Unmarshal decodes one AMF0 value into what v points to. It panics if v is not a pointer or is nil.
//
// It undoes Marshal, and is as lenient as peers make necessary: booleans and numbers, also as text, stand for each other; objects
// and ECMA arrays are the same; names of members match those of fields exactly or else without regard to case;
// members without a field are ignored, fields without a member keep their value. Null and Undefined set pointers, maps, slices and
// interfaces to nil, and leave everything else as it is. A number goes into an integer only if that can hold it exactly. An
// externalizable object stands for its value. An interface{} takes the value as Decode would give it.
//
// What fits is stored even if other parts do not: then the error is a *TypeError. Other errors are those of Decode; bytes
// behind the value are a *SyntaxError. The default Limits hold.
func Unmarshal(b []byte, v any) error { return unmarshal(b, v, AMF0) }

// Unmarshal3 is Unmarshal for an AMF3 value.
func Unmarshal3(b []byte, v any) error { return unmarshal(b, v, AMF3) }

func unmarshal(b []byte, v any, version Version) error {
	d := newDecoder(b, Limits{})
	value, err := d.next(version)
	if err != nil {
		return err
	}
	if n := d.remaining(); n > 0 {
		return &SyntaxError{Offset: d.offset(), Reason: strconv.Itoa(n) + " bytes behind the value"}
	}
	return store(v, value, Limits{}, nil)
}

// store assigns a decoded value to what v points to.
func store(v, value any, l Limits, r *Registry) error {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Pointer || rv.IsNil() {
		panic("amf: destination is not a pointer, or is nil")
	}
	a := assigner{
		budget:   newBudget(l),
		registry: r,
		made:     make(map[madeKey]reflect.Value),
		structs:  make(map[reflect.Type]structInfo),
	}
	// A value in a pointer takes two steps.
	a.limits.Depth = 2*a.limits.Depth + 2
	a.limits.Elements *= 2
	if err := a.assign(rv.Elem(), value); err != nil {
		return &SyntaxError{Reason: err.Error(), Err: ErrLimit}
	}
	if a.mismatch != nil {
		return a.mismatch
	}
	return nil
}

// assigner is the state of storing one decoded value. Decoded values may have cycles and shared parts, so
// it is held by the same limits as decoding.
type assigner struct {
	budget
	registry *Registry
	made     map[madeKey]reflect.Value // what objects have become, where pointers can share it
	structs  map[reflect.Type]structInfo
	path     []string
	mismatch *TypeError // the first
}

type madeKey struct {
	object *Object
	t      reflect.Type
}

// assign stores src in dst. The error is one of the budget.
func (a *assigner) assign(dst reflect.Value, src any) error {
	if err := a.spendElements(1); err != nil {
		return err
	}
	if err := a.enter(); err != nil {
		return err
	}
	defer a.leave()
	if isNothing(src) {
		setNothing(dst, src)
		return nil
	}
	if dst.Kind() == reflect.Interface && dst.NumMethod() == 0 {
		return a.assignAny(dst, src)
	}
	t := reflect.TypeOf(src)
	switch {
	case t.AssignableTo(dst.Type()) && (a.registry == nil || dst.Type() != reflect.TypeFor[[]any]()):
		dst.Set(reflect.ValueOf(src))
		return nil
	case t.Kind() == reflect.Pointer && t.Elem() == dst.Type():
		dst.Set(reflect.ValueOf(src).Elem())
		return nil
	case dst.Kind() == reflect.Pointer:
		return a.assignPointer(dst, src)
	}
	if x, ok := src.(*External); ok {
		return a.assign(dst, x.Value)
	}
	switch dst.Kind() {
	case reflect.Struct:
		return a.assignStruct(dst, src)
	case reflect.Map:
		return a.assignMap(dst, src)
	case reflect.Slice, reflect.Array:
		return a.assignList(dst, src)
	}
	if !assignScalar(dst, src) {
		a.reject(dst, src)
	}
	return nil
}

func isNothing(src any) bool {
	_, undefined := src.(Undefined)
	return src == nil || undefined
}

func setNothing(dst reflect.Value, src any) {
	switch dst.Kind() {
	case reflect.Interface:
		dst.SetZero()
		if src != nil && dst.NumMethod() == 0 {
			dst.Set(reflect.ValueOf(src))
		}
	case reflect.Pointer, reflect.Map, reflect.Slice:
		dst.SetZero()
	}
}

// reject notes that src does not fit.
func (a *assigner) reject(dst reflect.Value, src any) {
	if a.mismatch == nil {
		path := strings.TrimPrefix(strings.Join(a.path, ""), ".")
		a.mismatch = &TypeError{Path: path, Value: describe(src), Type: dst.Type()}
	}
}

// assignAt is assign for a part of a value.
func (a *assigner) assignAt(step string, dst reflect.Value, src any) error {
	a.path = append(a.path, step)
	err := a.assign(dst, src)
	a.path = a.path[:len(a.path)-1]
	return err
}

// assignAny stores src as it is, but objects of registered classes as pointers to their structs.
func (a *assigner) assignAny(dst reflect.Value, src any) error {
	if o, ok := src.(*Object); ok {
		if t := a.registry.typeOf(o.Class); t != nil {
			p := reflect.New(reflect.PointerTo(t)).Elem()
			err := a.assign(p, src)
			dst.Set(p)
			return err
		}
	}
	dst.Set(reflect.ValueOf(src))
	return nil
}

// assignPointer stores src in what dst points to, which is made if dst is nil. The same object gives the same pointer.
func (a *assigner) assignPointer(dst reflect.Value, src any) error {
	if o, ok := src.(*Object); ok {
		key := madeKey{o, dst.Type()}
		if p, ok := a.made[key]; ok {
			dst.Set(p)
			return nil
		}
		if dst.IsNil() {
			dst.Set(reflect.New(dst.Type().Elem()))
		}
		a.made[key] = reflect.ValueOf(dst.Interface())
	}
	if dst.IsNil() {
		dst.Set(reflect.New(dst.Type().Elem()))
	}
	return a.assign(dst.Elem(), src)
}

func (a *assigner) assignStruct(dst reflect.Value, src any) error {
	o, ok := src.(*Object)
	if !ok {
		a.reject(dst, src)
		return nil
	}
	info, ok := a.structs[dst.Type()]
	if !ok {
		info = inspect(dst.Type())
		a.structs[dst.Type()] = info
	}
	for _, m := range o.Members {
		f := info.find(m.Name)
		if f == nil {
			continue
		}
		if err := a.assignAt("."+m.Name, dst.FieldByIndex(f.index), m.Value); err != nil {
			return err
		}
	}
	return nil
}

// find returns the field for a member, nil if there is none.
func (info structInfo) find(name string) *field {
	for i := range info.fields {
		if info.fields[i].name == name {
			return &info.fields[i]
		}
	}
	for i := range info.fields {
		if strings.EqualFold(info.fields[i].name, name) {
			return &info.fields[i]
		}
	}
	return nil
}

func (a *assigner) assignMap(dst reflect.Value, src any) error {
	o, ok := src.(*Object)
	t := dst.Type()
	if !ok || t.Key().Kind() != reflect.String {
		a.reject(dst, src)
		return nil
	}
	if dst.IsNil() {
		dst.Set(reflect.MakeMap(t))
	}
	set := func(name string, v any) error {
		value := reflect.New(t.Elem()).Elem()
		err := a.assignAt("."+name, value, v)
		dst.SetMapIndex(reflect.ValueOf(name).Convert(t.Key()), value)
		return err
	}
	for i, v := range o.Dense {
		if err := set(strconv.Itoa(i), v); err != nil {
			return err
		}
	}
	for _, m := range o.Members {
		if err := set(m.Name, m.Value); err != nil {
			return err
		}
	}
	return nil
}

// assignList stores a list in a slice of its length, or as much as there is room for in an array.
func (a *assigner) assignList(dst reflect.Value, src any) error {
	values, ok := list(src)
	if !ok {
		a.reject(dst, src)
		return nil
	}
	n := len(values)
	if dst.Kind() == reflect.Slice {
		if n > a.limits.Elements-a.elements {
			return a.spendElements(n)
		}
		dst.Set(reflect.MakeSlice(dst.Type(), n, n))
	} else {
		dst.SetZero()
		n = min(n, dst.Len())
	}
	for i, v := range values[:n] {
		if err := a.assignAt("["+strconv.Itoa(i)+"]", dst.Index(i), v); err != nil {
			return err
		}
	}
	return nil
}

// list returns the values of everything that is a list.
func list(src any) (values []any, ok bool) {
	switch src := src.(type) {
	case []any:
		return src, true
	case *Object:
		return src.Dense, len(src.Dense) > 0
	case *VectorObject:
		return src.Values, true
	case *Vector[int32]:
		return box(src.Values, func(i int32) any { return int(i) }), true
	case *Vector[uint32]:
		return box(src.Values, func(u uint32) any { return float64(u) }), true
	case *Vector[float64]:
		return box(src.Values, func(f float64) any { return f }), true
	case []byte:
		return box(src, func(b byte) any { return int(b) }), true
	}
	return nil, false
}

func box[T any](values []T, boxed func(T) any) []any {
	list := make([]any, len(values))
	for i, v := range values {
		list[i] = boxed(v)
	}
	return list
}

// assignScalar stores what is neither a list nor made of members, and reports whether it fits.
func assignScalar(dst reflect.Value, src any) bool {
	switch dst.Kind() {
	case reflect.Bool:
		b, ok := toBool(src)
		if ok {
			dst.SetBool(b)
		}
		return ok
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		f, ok := toNumber(src)
		ok = ok && f == math.Trunc(f) && f >= math.MinInt64 && f < math.MaxInt64 && !dst.OverflowInt(int64(f))
		if ok {
			dst.SetInt(int64(f))
		}
		return ok
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		f, ok := toNumber(src)
		ok = ok && f == math.Trunc(f) && f >= 0 && f < math.MaxUint64 && !dst.OverflowUint(uint64(f))
		if ok {
			dst.SetUint(uint64(f))
		}
		return ok
	case reflect.Float32, reflect.Float64:
		f, ok := toNumber(src)
		if ok {
			dst.SetFloat(f)
		}
		return ok
	case reflect.String:
		s, ok := toText(src)
		if ok {
			dst.SetString(s)
		}
		return ok
	}
	return false
}

func toText(src any) (s string, ok bool) {
	switch src := src.(type) {
	case string:
		return src, true
	case XML:
		return string(src), true
	case XMLDocument:
		return string(src), true
	}
	return "", false
}

// describe names the type of a decoded value for an error.
func describe(v any) string {
	switch v := v.(type) {
	case float64, int:
		return "number"
	case bool:
		return "boolean"
	case string:
		return "string"
	case XML, XMLDocument:
		return "XML"
	case Unsupported:
		return "unsupported value"
	case []any:
		return "array"
	case []byte:
		return "byte array"
	case *Dictionary:
		return "dictionary"
	case *Object:
		if v.Class != "" {
			return "object of class " + v.Class
		}
		return "object"
	case *VectorObject, *Vector[int32], *Vector[uint32], *Vector[float64]:
		return "vector"
	}
	return "date"
}
