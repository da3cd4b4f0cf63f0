package main

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"

	"github.com/codebeaker/codebeaker/actors"
	"github.com/codebeaker/codebeaker/runtimes"
	"github.com/codebeaker/codebeaker/runtimes/host"
	"github.com/codebeaker/codebeaker/transport"
	"github.com/codebeaker/codebeaker/transport/audit"
	"github.com/codebeaker/codebeaker/transport/budget"
	"github.com/codebeaker/codebeaker/transport/sessions"
	"github.com/codebeaker/codebeaker/transport/websocket"
)

// Config is everything an operator can set. Each setting is a flag
// (--data-dir), a variable (CODEBEAKER_DATA_DIR) and a key of the
// configuration file (data-dir); the flag wins over the variable, that over
// the file, that over the default. docs/operations.md lists them.
type Config struct {
	Listen          string        `koanf:"listen"`
	DataDir         string        `koanf:"data-dir"`
	LogFormat       string        `koanf:"log-format"`
	LogLevel        string        `koanf:"log-level"`
	KeysFile        string        `koanf:"keys-file"`
	NoKeys          bool          `koanf:"no-keys"`
	AllowOrigins    []string      `koanf:"allow-origin"`
	AllowHosts      []string      `koanf:"allow-host"`
	Runtimes        []string      `koanf:"runtimes"`
	DockerHost      string        `koanf:"docker-host"`
	BuildImages     string        `koanf:"build-images"`
	ImageTag        string        `koanf:"image-tag"`
	AllowImages     []string      `koanf:"allow-image"`
	Internet        bool          `koanf:"internet"`
	AllowNetworks   []string      `koanf:"allow-network"`
	ToolsDir        string        `koanf:"tools-dir"`
	Guest           string        `koanf:"guest"`
	Calibrate       bool          `koanf:"calibrate"`
	MaxSessions     int           `koanf:"max-sessions"`
	QueueLength     int           `koanf:"queue-length"`
	MessageBytes    int           `koanf:"message-bytes"`
	OutputBytes     int           `koanf:"output-bytes"`
	OutputMemory    int64         `koanf:"output-memory-bytes"`
	CreateTimeout   time.Duration `koanf:"create-timeout"`
	DisconnectGrace time.Duration `koanf:"disconnect-grace"`
	PingInterval    time.Duration `koanf:"ping-interval"`
	MemoryShare     float64       `koanf:"host-memory-share"`
	Overcommit      float64       `koanf:"memory-overcommit"`
	MaxMemoryMB     int           `koanf:"max-memory-mb"`
	MaxCPUs         float64       `koanf:"max-cpus"`
	MaxProcesses    int           `koanf:"max-processes"`
	MaxDiskMB       int           `koanf:"max-disk-mb"`
	Storage         string        `koanf:"workspace-storage"`
	MaxIdle         time.Duration `koanf:"max-idle"`
	MaxLifetime     time.Duration `koanf:"max-lifetime"`
	MaxConnections  int           `koanf:"max-connections"`
	ReservedFiles   int           `koanf:"reserved-files"`
	MemoryBudget    int64         `koanf:"memory-budget"`
	KeyMemoryShare  float64       `koanf:"key-memory-share"`
	MessageRate     int           `koanf:"message-rate"`
	AuditLog        string        `koanf:"audit-log"`
	PolicyFile      string        `koanf:"policy"`
	AuditSync       bool          `koanf:"audit-sync"`
	AuditMB         int           `koanf:"audit-file-mb"`
	AuditAge        time.Duration `koanf:"audit-file-age"`
	AuditKeep       time.Duration `koanf:"audit-keep"`
	ConnectionCalls float64       `koanf:"connection-calls"`
	KeyCalls        float64       `koanf:"key-calls"`
	KeyCreates      float64       `koanf:"key-creates"`
	KeyBytes        float64       `koanf:"key-bytes"`
	KeySessions     float64       `koanf:"key-sessions"`
	KeyMemoryMB     float64       `koanf:"key-memory-mb"`
	KeyCPUs         float64       `koanf:"key-cpus"`
	KeyDiskMB       float64       `koanf:"key-disk-mb"`
	DrainTimeout    time.Duration `koanf:"drain-timeout"`
	Pools           poolSetting   `koanf:"pools"`
	PoolMemory      int64         `koanf:"pool-memory"`

	poolCheck time.Duration // of tests: see actors.PoolOptions
}

// configFlag names the file; it is no setting itself.
const configFlag = "config"

// addFlags declares every setting with its default.
func addFlags(flags *pflag.FlagSet) {
	flags.String(configFlag, "", "configuration file (YAML); its keys are the names of these flags")
	flags.String("listen", "127.0.0.1:5039", "address to listen on; port 0 picks a free one")
	flags.String("data-dir", defaultDataDir(), "directory for workspaces, caches and measurements")
	flags.String("log-format", "text", "text or json")
	flags.String("log-level", "info", "debug, info, warn or error")
	flags.String("keys-file", "", "file of API keys (see `codebeaker keys`); required unless listening on loopback")
	flags.Bool("no-keys", false, "let everybody in without a key, on any address: for a server that something else guards")
	flags.StringSlice("allow-origin", nil, "browser origins to accept besides the server's own, such as https://example.org")
	flags.StringSlice("allow-host", nil, "names by which clients may call the server besides its address")
	flags.StringSlice("runtimes", []string{"docker", "deno", "bun", "native"}, "runtimes to offer")
	flags.String("docker-host", "", "Docker engine, such as unix:///var/run/docker.sock; empty uses DOCKER_HOST or the usual one")
	flags.String("build-images", "", "script that makes the languages' images where they are missing, in the background, such as docker/scripts/images.sh")
	flags.String("image-tag", "latest", "tag of the languages' images")
	flags.StringSlice("allow-image", nil, "images that clients may name with dockerImage, such as python:3.12 or registry.example/team/*")
	flags.Bool("internet", true, "let sessions ask for network internet")
	flags.StringSlice("allow-network", nil, "addresses (CIDR) that network internet may reach although they are not public")
	flags.String("tools-dir", "", "directory to search for bun and deno when they are not on PATH")
	flags.String("guest", "", "the guest agent's binary; empty takes the one in this program")
	flags.Bool("calibrate", true, "measure the runtimes in the background, for their selection")
	flags.Int("max-sessions", actors.DefaultSessions, "sessions that may live at once")
	flags.Int("queue-length", actors.DefaultQueueLength, "commands that may wait in one session")
	flags.Int("message-bytes", websocket.DefaultMessageBytes, "largest message in bytes")
	flags.Int("output-bytes", actors.DefaultOutputBytes, "output kept of each execution in bytes")
	flags.Int64("output-memory-bytes", actors.DefaultOutputMemoryBytes, "output and results kept of all executions together in bytes")
	flags.Duration("create-timeout", actors.DefaultCreateTimeout, "bound on the making of one environment")
	flags.Duration("disconnect-grace", actors.DefaultDisconnectGrace, "how long a session made with killOnDisconnect waits for its client to come back")
	flags.Duration("ping-interval", websocket.DefaultPingInterval, "time between pings of an idle connection")
	flags.Float64("host-memory-share", 0.8, "share of the machine's memory that the sessions that live may be promised together; 0 means no limit")
	flags.Float64("memory-overcommit", actors.DefaultMemoryOvercommit, "factor by which what an ordinary session has of memory counts less in host-memory-share")
	flags.Int("max-memory-mb", 0, "largest memoryLimitMB a session may ask for; 0 is three quarters of the machine's")
	flags.Float64("max-cpus", 0, "largest cpus a session may ask for; 0 is the machine's")
	flags.Int("max-processes", sessions.DefaultMaxProcesses, "largest processLimit a session may ask for")
	flags.Int("max-disk-mb", sessions.DefaultMaxDiskMB, "largest diskLimitMB a session may ask for")
	flags.String("workspace-storage", "auto", "where the files of sessions live: memory, disk, or auto: on disk when a session asks for more than half of its memory")
	flags.Duration("max-idle", sessions.DefaultMaxIdleTimeout, "longest idleTimeoutMinutes")
	flags.Duration("max-lifetime", sessions.DefaultMaxLifetime, "longest maxLifetimeMinutes")
	flags.Int("max-connections", transport.DefaultConnections, "connections from one address")
	flags.Int("reserved-files", 0, "open files that connections leave to sessions; 0 is half of those that the server may have")
	flags.Int64("memory-budget", 0, "bytes held for clients: messages both ways and what is kept of executions; 0 is a quarter of the memory of the machine, or of the server's control group")
	flags.Float64("key-memory-share", budget.DefaultShare, "how much of the budget for messages, and of what is kept of executions, one key may take; of the first, without keys one address")
	flags.Int("message-rate", websocket.DefaultMessageRate, "bytes a second that a message must not fall behind by more than 30 s")
	flags.String("audit-log", "", "file for what clients do, one JSON object a line (see `codebeaker audit`); empty keeps none")
	flags.String("policy", "", "file of rules about what clients may create and execute (see docs/policy.md); SIGHUP reads it again")
	flags.Bool("audit-sync", false, "have a record on disk before what changes state is answered, and change nothing while that cannot be")
	flags.Int("audit-file-mb", audit.DefaultMaxBytes>>20, "size at which the file of the audit log gives way to the next")
	flags.Duration("audit-file-age", audit.DefaultMaxAge, "age at which it does")
	flags.Duration("audit-keep", audit.DefaultKeep, "how long files of the audit log are kept that gave way, to a day; 0 keeps all")
	flags.Float64("connection-calls", defaultConnectionCalls, "calls, notifications and malformed messages that one connection may send a second; over it the connection is read more slowly; 0 means no limit")
	flags.Float64("key-calls", defaultKeyCalls, "calls a second of one key, or of one address without keys; over it they get RateLimited; 0 means no limit")
	flags.Float64("key-creates", 0, "calls of session.create a second of one key or address; 0 means no limit")
	flags.Float64("key-bytes", 0, "bytes of messages a second of one key or address; 0 means no limit")
	flags.Float64("key-sessions", 0, "sessions that one key or address may have at once; 0 means no limit")
	flags.Float64("key-memory-mb", 0, "memory that the sessions of one key or address may have together; 0 means no limit")
	flags.Float64("key-cpus", 0, "processors that the sessions of one key or address may have together; 0 means no limit")
	flags.Float64("key-disk-mb", 0, "room for files that the sessions of one key or address may have together; 0 means no limit")
	flags.String("pools", "on", "keep environments ready before sessions ask for them: on or off; the configuration file may say how many of which language")
	flags.Int64("pool-memory", 0, "bytes that ready environments may occupy together; 0 is the smaller of 512 MB and a tenth of the machine's memory")
	flags.Duration("drain-timeout", 5*time.Second, "how long running commands may go on when the server stops")
}

// Rates that no client meets which waits for answers: they bound those who flood.
const (
	defaultConnectionCalls = 10_000
	defaultKeyCalls        = 50_000
)

// limits are those of each key or address that has none of its own.
func (c *Config) limits() sessions.Limits {
	return sessions.Limits{
		Calls: c.KeyCalls, Creates: c.KeyCreates, Bytes: c.KeyBytes,
		Sessions: c.KeySessions, MemoryMB: c.KeyMemoryMB, CPUs: c.KeyCPUs, DiskMB: c.KeyDiskMB,
	}
}

// settingsOf are those of a command's flags that are settings.
func settingsOf(flags *pflag.FlagSet) *pflag.FlagSet {
	all, given := pflag.NewFlagSet("", pflag.ContinueOnError), pflag.NewFlagSet("", pflag.ContinueOnError)
	addFlags(all)
	flags.VisitAll(func(f *pflag.Flag) {
		if all.Lookup(f.Name) != nil {
			given.AddFlag(f)
		}
	})
	return given
}

// envPrefix begins the name of every variable.
const envPrefix = "CODEBEAKER_"

// loadConfig reads file, variables and flags. A key that is no setting is an
// error that names it.
func loadConfig(flags *pflag.FlagSet) (Config, error) {
	k := koanf.New("\x00") // names have no levels
	path, err := flags.GetString(configFlag)
	if err != nil {
		return Config{}, err
	}
	if path == "" {
		path = os.Getenv(envPrefix + "CONFIG")
	}
	if path != "" {
		if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
			return Config{}, fmt.Errorf("read the configuration file: %w", err)
		}
		if err := checkKeys(k, flags, path); err != nil {
			return Config{}, err
		}
	}
	variables := env.Provider("\x00", env.Opt{Prefix: envPrefix, TransformFunc: func(name, value string) (string, any) {
		name = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, envPrefix)), "_", "-")
		if name == configFlag || flags.Lookup(name) == nil {
			return "", nil // another program's variable
		}
		return name, value
	}})
	if err := k.Load(variables, nil); err != nil {
		return Config{}, fmt.Errorf("read the environment: %w", err)
	}
	if err := k.Load(posflag.Provider(flags, "\x00", k), nil); err != nil {
		return Config{}, fmt.Errorf("read the flags: %w", err)
	}
	k.Delete(configFlag)
	k.Delete("help")
	var c Config
	if err := k.UnmarshalWithConf("", &c, koanf.UnmarshalConf{DecoderConfig: decoder(&c)}); err != nil {
		return Config{}, fmt.Errorf("the configuration: %w", err)
	}
	return c, c.validate()
}

func decoder(c *Config) *mapstructure.DecoderConfig {
	return &mapstructure.DecoderConfig{
		Result: c, TagName: "koanf", WeaklyTypedInput: true, ErrorUnused: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(
			mapstructure.DecodeHookFuncType(decodePools), mapstructure.StringToTimeDurationHookFunc(), mapstructure.StringToSliceHookFunc(",")),
	}
}

// checkKeys reports a key of the file that is no setting: a typing error must
// not pass for a default.
func checkKeys(k *koanf.Koanf, flags *pflag.FlagSet, path string) error {
	for _, key := range k.Keys() {
		key, _, _ := strings.Cut(key, "\x00")
		if flags.Lookup(key) == nil || key == configFlag {
			return fmt.Errorf("%s: there is no setting %q", path, key)
		}
	}
	return nil
}

// validate names the setting that cannot be.
func (c *Config) validate() error {
	positive := map[string]float64{
		"max-sessions": float64(c.MaxSessions), "queue-length": float64(c.QueueLength),
		"message-bytes": float64(c.MessageBytes), "output-bytes": float64(c.OutputBytes),
		"output-memory-bytes": float64(c.OutputMemory),
		"create-timeout":      float64(c.CreateTimeout), "disconnect-grace": float64(c.DisconnectGrace), "ping-interval": float64(c.PingInterval),
		"max-processes": float64(c.MaxProcesses), "max-disk-mb": float64(c.MaxDiskMB),
		"max-idle": float64(c.MaxIdle), "max-lifetime": float64(c.MaxLifetime),
		"audit-file-mb": float64(c.AuditMB), "audit-file-age": float64(c.AuditAge),
		"max-connections": float64(c.MaxConnections), "drain-timeout": float64(c.DrainTimeout),
		"message-rate": float64(c.MessageRate), "key-memory-share": c.KeyMemoryShare,
	}
	for name, value := range positive {
		if value <= 0 {
			return fmt.Errorf("%s must be more than zero", name)
		}
	}
	for name, value := range map[string]float64{
		"connection-calls": c.ConnectionCalls, "key-calls": c.KeyCalls, "key-creates": c.KeyCreates, "key-bytes": c.KeyBytes,
		"key-sessions": c.KeySessions, "key-memory-mb": c.KeyMemoryMB, "key-cpus": c.KeyCPUs, "key-disk-mb": c.KeyDiskMB,
	} {
		if !(value >= 0 && value <= 1e12) {
			return fmt.Errorf("%s must be from 0, which means no limit, to 1e12", name)
		}
	}
	if _, err := c.networks(); err != nil {
		return err
	}
	if _, err := c.images(); err != nil {
		return err
	}
	if err := c.checkBuilder(); err != nil {
		return err
	}
	if _, err := c.Pools.sizes(); err != nil {
		return err
	}
	if err := host.CheckStorage(c.Storage); err != nil {
		return fmt.Errorf("workspace-storage: %w", err)
	}
	switch {
	case c.KeyMemoryShare > 1:
		return fmt.Errorf("key-memory-share must not be more than 1")
	case c.ReservedFiles < 0:
		return fmt.Errorf("reserved-files must not be negative")
	case c.MemoryBudget != 0 && c.MemoryBudget < minBudget:
		return fmt.Errorf("memory-budget must be at least %d bytes", minBudget)
	case c.PoolMemory < 0:
		return fmt.Errorf("pool-memory must not be negative")
	case c.AuditKeep < 0:
		return fmt.Errorf("audit-keep must not be negative")
	case c.AuditSync && c.AuditLog == "":
		return fmt.Errorf("audit-sync needs audit-log")
	case c.NoKeys && c.KeysFile != "":
		return fmt.Errorf("no-keys and keys-file exclude each other")
	case !(c.MemoryShare >= 0 && c.MemoryShare <= 1000):
		return fmt.Errorf("host-memory-share must be from 0 to 1000: 0.8 is four fifths of the machine's memory")
	case !(c.Overcommit >= 1 && c.Overcommit <= 1000):
		return fmt.Errorf("memory-overcommit must be from 1 to 1000")
	case c.MaxMemoryMB < 0:
		return fmt.Errorf("max-memory-mb must not be negative")
	case c.MaxCPUs < 0:
		return fmt.Errorf("max-cpus must not be negative")
	case c.LogFormat != "text" && c.LogFormat != "json":
		return fmt.Errorf("log-format is %q: it must be text or json", c.LogFormat)
	case c.DataDir == "":
		return fmt.Errorf("data-dir must be set: this user has no home directory")
	}
	return nil
}

// keysFile is where the API keys are.
func (c *Config) keysFile() string {
	if c.KeysFile != "" {
		return c.KeysFile
	}
	return filepath.Join(c.DataDir, "keys")
}

// checkBuilder reports a script of build-images that is not there, and makes its
// path absolute.
func (c *Config) checkBuilder() (err error) {
	if c.BuildImages == "" {
		return nil
	}
	if c.BuildImages, err = filepath.Abs(c.BuildImages); err == nil {
		_, err = exec.LookPath(c.BuildImages)
	}
	if err != nil {
		return fmt.Errorf("build-images: %w", err)
	}
	return nil
}

// images is the rule of allow-image.
func (c *Config) images() (runtimes.Images, error) {
	images, err := runtimes.ParseImages(c.AllowImages...)
	if err != nil {
		return images, fmt.Errorf("allow-image: %w", err)
	}
	return images, nil
}

// networks are the blocks of allow-network; an address alone is a block of one.
func (c *Config) networks() ([]netip.Prefix, error) {
	var blocks []netip.Prefix
	for _, text := range c.AllowNetworks {
		block, err := netip.ParsePrefix(text)
		if address, notOne := netip.ParseAddr(text); notOne == nil {
			block, err = netip.PrefixFrom(address, address.BitLen()), nil
		}
		switch {
		case err != nil || !block.Addr().Is4():
			return nil, fmt.Errorf("allow-network: %q is neither an IPv4 address nor a block of them such as 10.1.2.0/24", text)
		case block != block.Masked():
			return nil, fmt.Errorf("allow-network: %s is not a block: %s is", text, block.Masked())
		}
		blocks = append(blocks, block)
	}
	return blocks, nil
}

// defaultDataDir is the usual place for a user's data, or the system's for
// root.
func defaultDataDir() string {
	if runtime.GOOS == "linux" && os.Geteuid() == 0 {
		return "/var/lib/codebeaker"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "codebeaker")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	return filepath.Join(home, ".local", "share", "codebeaker")
}
