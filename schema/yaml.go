package schema

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var yamlLine = regexp.MustCompile(`^line (\d+): `)

// readYAML reads the one document of a file; nil: there is none. The line, if it is
// above 0, is that of the error.
func readYAML(src []byte) (n *yaml.Node, line int, err error) {
	d := yaml.NewDecoder(bytes.NewReader(src))
	var doc, next yaml.Node
	if err = d.Decode(&doc); err == io.EOF {
		return nil, 0, nil
	}
	if err == nil {
		if err = d.Decode(&next); err == io.EOF {
			return doc.Content[0], 0, nil
		}
		if err == nil {
			return nil, next.Line, errors.New("there is more than one document")
		}
	}
	line, text := splitYAMLError(err)
	return nil, line, errors.New(text)
}

// splitYAMLError takes the line out of an error of the library.
func splitYAMLError(err error) (line int, text string) {
	text = strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(text); m != nil {
		line, _ = strconv.Atoi(m[1])
		text = text[len(m[0]):]
	}
	if strings.HasPrefix(text, "did not find expected ") { // its parser, unlike its scanner, counts from 0
		line++
	}
	return line, text
}
