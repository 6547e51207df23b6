// Package plot draws series of numbers over versions or time: as text for a
// terminal and as SVG.
//
// A Series is fed to a Sampler, newest or oldest first, which keeps at most a
// fixed number of points whatever the length of a history. What it keeps is the
// first, the smallest, the largest and the last point of each cell of the x axis
// (M4: Jugel, Jerzak, Hackenbroich, Markl: "M4: A Visualization-Oriented Time
// Series Data Aggregation", VLDB 2014), so that a drawing shows every extreme.
// A Chart of such series has a Text and an SVG.
//
// A gap is a place on the x axis that is known to have no value; a line is not
// drawn across it.
package plot
