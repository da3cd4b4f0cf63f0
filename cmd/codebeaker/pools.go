package main

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"

	"github.com/go-viper/mapstructure/v2"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/transport/sessions"
)

// poolSetting says of what environments are kept ready: "on", "off" or, in the
// configuration file, what differs for some languages.
type poolSetting struct {
	Off       bool
	Languages map[string]languagePool
}

// languagePool is what differs for one language; nil is the default.
type languagePool struct {
	Min     *int     `koanf:"min"`
	Max     *int     `koanf:"max"`
	Imports []string `koanf:"imports"`
}

// maxPool is the most that may be kept ready of one language.
const maxPool = 1000

// decodePools is a mapstructure.DecodeHookFuncType.
func decodePools(_, to reflect.Type, data any) (any, error) {
	if to != reflect.TypeFor[poolSetting]() {
		return data, nil
	}
	switch data {
	case "on", "true", true:
		return poolSetting{}, nil
	case "off", "false", false:
		return poolSetting{Off: true}, nil
	}
	languages, ok := data.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("pools is %v: it must be on, off or a mapping of languages", data)
	}
	var setting poolSetting
	d, err := mapstructure.NewDecoder(&mapstructure.DecoderConfig{
		Result: &setting.Languages, TagName: "koanf", WeaklyTypedInput: true, ErrorUnused: true,
	})
	if err != nil {
		return nil, err
	}
	if err := d.Decode(languages); err != nil {
		return nil, fmt.Errorf("pools: %w", err)
	}
	return setting, nil
}

// modules are what may be imported: names, with dots.
var modules = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$`)

// sizes are those of the languages that are set.
// Errors: one that names what cannot be.
func (s *poolSetting) sizes() (map[runtimes.Language]actors.PoolSize, error) {
	all := map[runtimes.Language]actors.PoolSize{}
	for _, name := range slices.Sorted(maps.Keys(s.Languages)) {
		l, ok := runtimes.ParseLanguage(name)
		if !ok {
			return nil, fmt.Errorf("pools: there is no language %q", name)
		}
		set, size := s.Languages[name], actors.DefaultPoolSize(l)
		if set.Max != nil {
			size.Max = *set.Max
			size.Min = min(size.Min, size.Max)
		}
		if set.Min != nil {
			size.Min = *set.Min
			if set.Max == nil {
				size.Max = max(size.Max, size.Min)
			}
		}
		if size.Min < 0 || size.Max > maxPool || size.Min > size.Max {
			return nil, fmt.Errorf("pools: min and max of %s are %d and %d: they must be from 0 to %d, and min no more than max", name, size.Min, size.Max, maxPool)
		}
		size.Imports = set.Imports
		if len(size.Imports) > 0 && l != runtimes.Python {
			return nil, fmt.Errorf("pools: imports of %s: only those of python can be made beforehand", name)
		}
		for _, module := range size.Imports {
			if !modules.MatchString(module) {
				return nil, fmt.Errorf("pools: imports of %s: %q is no name of a module", name, module)
			}
		}
		all[l] = size
	}
	return all, nil
}

// pools are the options of the actors, nil without pools.
func (c *Config) pools(policy *sessions.Policy) (*actors.PoolOptions, error) {
	if c.Pools.Off {
		return nil, nil
	}
	sizes, err := c.Pools.sizes()
	if err != nil {
		return nil, err
	}
	memory := c.PoolMemory
	if memory == 0 {
		memory = actors.DefaultPoolMemoryBytes
		if all := memoryMB() << 20; all > 0 {
			memory = min(memory, all/10)
		}
	}
	return &actors.PoolOptions{
		Limits: policy.OrdinaryLimits(), MemoryBytes: memory, Sizes: sizes, CheckInterval: c.poolCheck,
		Memory: func() (available, total int64) { return meminfo("MemAvailable"), meminfo("MemTotal") },
	}, nil
}
