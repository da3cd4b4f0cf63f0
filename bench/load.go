package main

import (
	"context"
	"errors"
)

func (a *app) load(ctx context.Context, args []string) error { return errors.New("not built yet") }
