package protocol

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// metaSchema compiles a schema of OpenRPC documents. Both it and the schema of
// schemas it refers to are copies: @open-rpc/spec 1.4.1, @open-rpc/meta-schema
// 1.14.9 and @json-schema-tools/meta-schema 1.8.0 of npm. Their $schema names
// themselves, so draft 07 is set here.
func metaSchema(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	for _, f := range []string{"json-schema.json", file} {
		b, err := os.ReadFile("testdata/" + f)
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		schema := v.(map[string]any)
		delete(schema, "$schema")
		id, _ := schema["$id"].(string)
		if f == file {
			id = "https://test.invalid/openrpc.json"
			schema["$id"] = id
		}
		if err := c.AddResource(id, schema); err != nil {
			t.Fatal(err)
		}
		if f == "json-schema.json" { // some refer to it without the slash
			if err := c.AddResource("https://meta.json-schema.tools", schema); err != nil {
				t.Fatal(err)
			}
		}
	}
	schema, err := c.Compile("https://test.invalid/openrpc.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// document is the OpenRPC document as a client reads it.
func document(t *testing.T) map[string]any {
	t.Helper()
	b, err := json.Marshal(Discover(Info{Name: "codebeaker", Version: "test"}))
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v.(map[string]any)
}

func TestTheDocumentIsOpenRPC(t *testing.T) {
	doc := document(t)
	if err := metaSchema(t, "openrpc-1.4.json").Validate(doc); err != nil {
		t.Errorf("1.4: %v", err)
	}
	// The published meta-schema still lists 1.3.2 as the last version; all but
	// the version holds there too.
	if doc["openrpc"] != "1.4.1" {
		t.Errorf("version %v", doc["openrpc"])
	}
	doc["openrpc"] = "1.3.2"
	if err := metaSchema(t, "openrpc-1.3.json").Validate(doc); err != nil {
		t.Errorf("1.3: %v", err)
	}
	doc["methods"] = 7
	if metaSchema(t, "openrpc-1.4.json").Validate(doc) == nil {
		t.Error("the meta-schema accepts anything")
	}
}

func TestEveryReferenceAndSchemaOfTheDocumentResolves(t *testing.T) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	doc := document(t)
	if err := c.AddResource("https://test.invalid/doc", doc); err != nil {
		t.Fatal(err)
	}
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	for name := range schemas {
		if _, err := c.Compile("https://test.invalid/doc#/components/schemas/" + name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i, m := range doc["methods"].([]any) {
		m := m.(map[string]any)
		if m["summary"] == "" {
			t.Errorf("%v has no summary", m["name"])
		}
		seen, optional := map[any]bool{}, false
		for _, p := range m["params"].([]any) {
			p := p.(map[string]any)
			if seen[p["name"]] {
				t.Errorf("%v has two params %v", m["name"], p["name"])
			}
			seen[p["name"]] = true
			if p["required"] == true && optional {
				t.Errorf("%v: a required param behind an optional one", m["name"])
			}
			optional = optional || p["required"] != true
		}
		for _, e := range m["errors"].([]any) {
			ref := e.(map[string]any)["$ref"].(string)
			name := ref[len("#/components/errors/"):]
			if doc["components"].(map[string]any)["errors"].(map[string]any)[name] == nil {
				t.Errorf("method %d refers to %s", i, ref)
			}
		}
	}
}

func TestEveryMemberOfTheWireIsDocumented(t *testing.T) {
	doc := document(t)
	for name, s := range doc["components"].(map[string]any)["schemas"].(map[string]any) {
		properties, _ := s.(map[string]any)["properties"].(map[string]any)
		for member, p := range properties {
			p := p.(map[string]any)
			if p["description"] == nil && p["$ref"] == nil && member != "type" {
				t.Errorf("%s.%s has no doc", name, member)
			}
		}
	}
}
