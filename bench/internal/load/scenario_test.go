package load

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAScenarioInYAMLAndInJSON(t *testing.T) {
	yaml := `
name: mine
connections: 3
model: closed
workers: 7
stages: [{for: 1m30s, target: 5}]
calls:
  - {name: hi, weight: 2, stdout: "hi\n", command: {type: execute_shell, commandName: echo, args: [hi]}}
  - {name: who, weight: 1, method: initialize}
`
	json := `{"name":"mine","connections":3,"model":"closed","workers":7,"stages":[{"for":"1m30s","target":5}],"calls":[
		{"name":"hi","weight":2,"stdout":"hi\n","command":{"type":"execute_shell","commandName":"echo","args":["hi"]}},
		{"name":"who","weight":1,"method":"initialize"}]}`
	for _, text := range []string{yaml, json} {
		s, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if s.Name != "mine" || s.Connections != 3 || s.Workers != 7 || time.Duration(s.Stages[0].For) != 90*time.Second ||
			len(s.Calls) != 2 || *s.Calls[0].Stdout != "hi\n" || s.Prepare != nil {
			t.Errorf("%+v", s)
		}
		if s.Sessions != Default().Sessions || s.Timeout != Default().Timeout {
			t.Errorf("what it leaves out is not the default: %+v", s)
		}
	}
}

func TestWhatAScenarioCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		"conections: 3":                  "conections",
		"model: both":                    "open or closed",
		"duration: 10":                   "not a duration",
		"duration: -1s":                  "duration",
		"connections: 0":                 "no connections",
		"sessions: 0":                    "sessions is 0",
		"calls: [{name: x, method: a}]":  "weight",
		"calls: [{name: x, weight: 1}]":  "either command or method",
		"stages: [{for: 0s, target: 1}]": "stages[0]",
		"timeout: 0s":                    "timeout",
		"rate: -1":                       "negative",
		"rate: 0":                        "rate is 0 in the open model",
		"{model: closed, workers: 0}":    "workers is 0 in the closed model",
		"stages: [{for: 1s, target: 0}]": "no target of stages",
		"{model: closed, stages: [{for: 1s, target: 0.5}]}": "no target of stages",
		"calls: 7":                           "line 1",
		"{\"connections\": \"many\"}":        "line 1",
		"idle: -1":                           "negative",
		"connections: 1\nconnections: 2\n":   "already",
		"calls: []":                          "no calls",
		"prepare: [{type: write_file}]\n":    "no calls",
		"calls: [{weight: 1, command: [x]}]": "line 1",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWhatHasNothingToCallIsAScenario(t *testing.T) {
	for _, text := range []string{"{connections: 0, idle: 100}", "{connections: 0, idle: 1, rate: 0}", "{model: closed, rate: 0}", "{workers: 0}"} {
		if _, err := Parse([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The scenario that the documents show is one.
func TestTheExampleIsAScenario(t *testing.T) {
	for _, path := range []string{"../../scenarios/mixed.yaml", "../../scenarios/idle.yaml"} {
		if s, err := ReadFile(path); err != nil || s.Name != strings.TrimSuffix(filepath.Base(path), ".yaml") {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if _, err := ReadFile(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Error(err)
	}
}
