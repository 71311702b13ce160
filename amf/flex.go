package amf

import "fmt"

// Aliases of the externalizable Flex classes that are built in. The Value of an External of the first five is the
// value that it wraps; of ClassManagedObjectProxy it is an *Object. The small messages, the last three, are
// each an *Object with the members that the sender has set, by the names of the Flex class.
const (
	ClassArrayCollection    = "flex.messaging.io.ArrayCollection"
	ClassArrayList          = "flex.messaging.io.ArrayList"
	ClassObjectProxy        = "flex.messaging.io.ObjectProxy"
	ClassSerializationProxy = "flex.messaging.io.SerializationProxy"

	ClassManagedObjectProxy = "flex.messaging.io.ManagedObjectProxy"

	ClassAsyncMessageExt       = "DSA"
	ClassAcknowledgeMessageExt = "DSK"
	ClassCommandMessageExt     = "DSC"
)

// flexExternalizer returns what codes a built-in class, nil for others.
func flexExternalizer(class string) Externalizer {
	switch class {
	case ClassArrayCollection, ClassArrayList, ClassObjectProxy, ClassSerializationProxy:
		return wrapper{}
	case ClassManagedObjectProxy:
		return managedObjectProxy{}
	case ClassAsyncMessageExt:
		return smallMessage{abstractPart, asyncPart}
	case ClassAcknowledgeMessageExt:
		return smallMessage{abstractPart, asyncPart, acknowledgePart}
	case ClassCommandMessageExt:
		return smallMessage{abstractPart, asyncPart, commandPart}
	}
	return nil
}

// wrapper codes a body that is one value.
type wrapper struct{}

func (wrapper) ReadExternal(in *DataInput) (any, error) { return in.Object() }

func (wrapper) WriteExternal(out *DataOutput, v any) error { return out.Object(v) }

// managedObjectProxy codes a body that is the number of properties, then their names and values.
type managedObjectProxy struct{}

func (managedObjectProxy) ReadExternal(in *DataInput) (any, error) {
	v, err := in.Object()
	if err != nil {
		return nil, err
	}
	n, ok := v.(int)
	if !ok {
		return nil, in.d.syntaxError("property count of a ManagedObjectProxy is not an integer")
	}
	o := &Object{}
	for range n {
		name, err := in.Object()
		if err != nil {
			return nil, err
		}
		text, ok := name.(string)
		if !ok {
			return nil, in.d.syntaxError("property name of a ManagedObjectProxy is not a string")
		}
		value, err := in.Object()
		if err != nil {
			return nil, err
		}
		o.Members = append(o.Members, Member{Name: text, Value: value})
	}
	return o, nil
}

func (managedObjectProxy) WriteExternal(out *DataOutput, v any) error {
	o, ok := v.(*Object)
	if !ok || o == nil {
		return fmt.Errorf("value of a ManagedObjectProxy is %T, not *Object", v)
	}
	if err := out.Object(len(o.Members)); err != nil {
		return err
	}
	for _, m := range o.Members {
		if err := out.Object(m.Name); err != nil {
			return err
		}
		if err := out.Object(m.Value); err != nil {
			return err
		}
	}
	return nil
}
