package box

import (
	"io"
	"io/fs"
	"os"
	"path"
)

// plantSeeds fills the scratch directories.
func plantSeeds(cfg Config) error {
	for _, seed := range cfg.Seeds {
		if err := plant(cfg, seed); err != nil {
			return step("seed", seed.Target, err)
		}
	}
	return nil
}

func plant(cfg Config, seed Seed) error {
	if seed.Whole {
		if err := makeOwned(cfg, path.Dir(seed.Target)); err != nil {
			return err
		}
		return os.Symlink(seed.Source, seed.Target)
	}
	if err := makeOwned(cfg, seed.Target); err != nil {
		return err
	}
	return fs.WalkDir(os.DirFS(seed.Source), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		source, target := path.Join(seed.Source, name), path.Join(seed.Target, name)
		switch {
		case entry.IsDir():
			return makeOwned(cfg, target)
		case seed.Link:
			return os.Symlink(source, target)
		case entry.Type().IsRegular():
			return copyOwned(cfg, source, target)
		}
		return nil
	})
}

// makeOwned makes a directory, and those above it that are missing, for the
// box's user.
func makeOwned(cfg Config, target string) error {
	if _, err := os.Stat(target); err == nil {
		return nil
	}
	if err := makeOwned(cfg, path.Dir(target)); err != nil {
		return err
	}
	if err := os.Mkdir(target, 0o755); err != nil {
		return err
	}
	return os.Chown(target, cfg.UID, cfg.GID)
}

func copyOwned(cfg Config, source, target string) error {
	in, err := os.Open(source)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Chown(cfg.UID, cfg.GID); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
