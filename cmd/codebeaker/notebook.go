package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/codebeaker/codebeaker/transport/client"
	"github.com/codebeaker/codebeaker/transport/protocol"
)

// notebook is a file of Jupyter's format 4 (nbformat.readthedocs.io). Members that
// this program does not know stay as they are.
type notebook map[string]any

// readNotebook reads a file.
func readNotebook(file string) (notebook, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var n notebook
	if err := decoder.Decode(&n); err != nil {
		return nil, fmt.Errorf("%s is not a notebook: %w", file, err)
	}
	if format := fmt.Sprint(n["nbformat"]); format != "4" {
		return nil, fmt.Errorf("%s: notebooks have nbformat 4, this file has %s", file, format)
	}
	if _, ok := n["cells"].([]any); !ok {
		return nil, fmt.Errorf("%s is not a notebook: it has no list of cells", file)
	}
	return n, nil
}

// language is that of the notebook's metadata, "" when they name none.
func (n notebook) language() string {
	metadata, _ := n["metadata"].(map[string]any)
	spec, _ := metadata["kernelspec"].(map[string]any)
	info, _ := metadata["language_info"].(map[string]any)
	for _, name := range []any{spec["language"], info["name"]} {
		if text, _ := name.(string); text != "" {
			return text
		}
	}
	return ""
}

// codeCells are those that are run.
func (n notebook) codeCells() (cells []map[string]any) {
	all, _ := n["cells"].([]any)
	for _, cell := range all {
		if c, ok := cell.(map[string]any); ok && c["cell_type"] == "code" {
			cells = append(cells, c)
		}
	}
	return cells
}

// source is the code of a cell, which is a string or a list of lines.
func source(cell map[string]any) string {
	switch text := cell["source"].(type) {
	case string:
		return text
	case []any:
		var all strings.Builder
		for _, line := range text {
			s, _ := line.(string)
			all.WriteString(s)
		}
		return all.String()
	}
	return ""
}

// executedName is where the copy of a notebook goes that names no other place.
func executedName(file string) string {
	return strings.TrimSuffix(file, filepath.Ext(file)) + ".executed.ipynb"
}

// notebook runs the file of a notebook and writes a copy of it with what came of
// the cells to output, "" beside it.
func (r *remote) notebook(cmd *cobra.Command, language, file, output string) error {
	n, err := readNotebook(file)
	if err != nil {
		return err
	}
	if language = cmp.Or(language, n.language()); language == "" {
		return fmt.Errorf("%s names no language: give --language", file)
	}
	output = cmp.Or(output, executedName(file))
	complaints := cmd.ErrOrStderr()
	ran := false
	err = r.within(cmd, language, func(i *interrupts, w *workshop) error {
		ran = true
		return r.runNotebook(i, w, n, func(done, all int) {
			if done < all {
				fmt.Fprintf(complaints, "cell %d of %d\n", done+1, all)
			}
		})
	})
	if !ran {
		return err
	}
	if failed := n.write(output); failed != nil {
		return errors.Join(err, failed)
	}
	fmt.Fprintf(complaints, "%s is written\n", output)
	return err
}

// runNotebook runs the cells of a notebook, one after another, up to the first that
// fails. Those behind it have no outputs.
func (r *remote) runNotebook(i *interrupts, w *workshop, n notebook, progress func(done, all int)) error {
	cells := n.codeCells()
	for _, cell := range cells {
		cell["outputs"], cell["execution_count"] = []any{}, nil
	}
	for at, cell := range cells {
		progress(at, len(cells))
		code := source(cell)
		if strings.TrimSpace(code) == "" {
			continue
		}
		outputs, failed, err := r.runCell(i, w, code, at+1)
		cell["outputs"], cell["execution_count"] = outputs, at+1
		if err != nil {
			return fmt.Errorf("cell %d: %w", at+1, err)
		}
		if failed != nil {
			return &exitError{1, fmt.Errorf("cell %d: %w", at+1, failed)}
		}
	}
	return nil
}

// runCell runs one cell and returns its outputs as the format has them. failed says
// how the code failed.
func (r *remote) runCell(i *interrupts, w *workshop, code string, count int) (outputs []any, failed, err error) {
	none := ""
	e, err := w.Start(i.ctx, client.Execute{
		SessionID: w.session.SessionID, Command: &protocol.ExecuteCode{Code: &code, Stdin: &none}, Background: true, Timeout: r.timeout,
	})
	if err != nil {
		return []any{}, nil, err
	}
	defer w.leave(e)
	i.forward(e)
	o := cellOutputs{count: count, all: []any{}}
	for piece, err := range e.Output() {
		var gap *client.GapError
		switch {
		case errors.As(err, &gap):
			o.text(client.Stderr, gap.Error()+"\n")
		case err != nil:
			return o.all, nil, err
		case piece.Display != nil:
			o.display(piece.Display)
		default:
			o.text(piece.Stream, strings.ToValidUTF8(string(piece.Data), "\uFFFD"))
		}
	}
	result, err := e.Wait(i.ctx)
	if err != nil {
		return o.all, nil, err
	}
	came, _ := result.Result.(*protocol.CodeResult)
	if came != nil {
		o.value(came)
	}
	if result.Success {
		return o.all, nil, nil
	}
	failed = errors.New("it failed")
	if result.Error != nil {
		failed = errors.New(*result.Error)
	}
	o.failure(came, result, failed)
	return o.all, failed, nil
}

// cellOutputs are the outputs of a cell as the format has them.
type cellOutputs struct {
	count int
	all   []any
	shown bool // the value is there already
}

// text adds text of a stream, to the output before it if that is of the same one.
func (o *cellOutputs) text(stream, text string) {
	if n := len(o.all); n > 0 {
		if last, ok := o.all[n-1].(map[string]any); ok && last["output_type"] == "stream" && last["name"] == stream {
			last["text"] = last["text"].(string) + text
			return
		}
	}
	o.all = append(o.all, map[string]any{"output_type": "stream", "name": stream, "text": text})
}

// display adds what was shown. JSON is there as itself, other data as text.
func (o *cellOutputs) display(d *protocol.Display) {
	data := map[string]any{}
	for kind, text := range d.Data {
		data[kind] = text
		if strings.HasSuffix(kind, "json") && d.Encoding[kind] == "" {
			var value any
			if json.Unmarshal([]byte(text), &value) == nil {
				data[kind] = value
			}
		}
	}
	one := map[string]any{"output_type": "display_data", "data": data, "metadata": map[string]any{}}
	if d.Main {
		one["output_type"], one["execution_count"] = "execute_result", o.count
		o.shown = true
	}
	o.all = append(o.all, one)
}

// value adds the value of the last expression, unless it was shown.
func (o *cellOutputs) value(r *protocol.CodeResult) {
	if r.Value != "" && !o.shown {
		o.display(&protocol.Display{Data: map[string]string{"text/plain": r.Value}, Main: true})
	}
}

// failure adds the exception, or whatever else ended the cell.
func (o *cellOutputs) failure(r *protocol.CodeResult, result *protocol.ExecuteResult, failed error) {
	one := map[string]any{"output_type": "error", "ename": cmp.Or(result.ErrorCode, "Error"), "evalue": failed.Error(), "traceback": []string{failed.Error()}}
	if r != nil && r.Exception != nil {
		x := r.Exception
		one["ename"], one["evalue"], one["traceback"] = x.Name, x.Message, strings.Split(strings.TrimRight(x.Traceback, "\n"), "\n")
	}
	o.all = append(o.all, one)
}

// write writes the notebook as Jupyter does.
func (n notebook) write(file string) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(n); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644)
}
