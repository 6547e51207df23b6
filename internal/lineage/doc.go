// Package lineage turns a folder of saved models into histories. It looks at
// names and times alone: files in, a plan of versions out, nothing read.
//
// A name such as Itzama_061125_1747_training.json has three parts: the source
// (Itzama), the timestamp, and what kind of file it is. Without the timestamp
// it is the name of the model, Itzama_training.json, in the directory of the
// file; the file and its siblings of other days are the versions of that
// model. Source and timestamp together are the run that wrote the file, and
// the files of one run are one version of several models, in whatever
// directories they lie.
//
// What takes part in a name besides:
//
//   - Six digits behind a date that are no time of day, as in
//     oracle_20250808_063985.json, are an ordinal within the day. Then the
//     source's other six digits of that day are ordinals as well, because it
//     cannot have meant a clock.
//   - A counter at the end, as in step_1000.safetensors, model.v3.json or
//     m_epoch-12.pt: the word step, epoch, ckpt, checkpoint, iter, save, v,
//     version or rev and a number. It is removed with its word, and orders the
//     versions of the model before their modification time does; where nothing
//     else is left of the name, the word stays. An epoch before a step or iter
//     (epoch=3-step=1000.ckpt) counts too, and digits alone behind step, epoch
//     or iter are a number even where they look like a date.
//
// A file without a timestamp is of its modification time, and files of the
// very same one are one version.
package lineage
