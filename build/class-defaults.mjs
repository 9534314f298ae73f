// node build/class-defaults.mjs SOURCE [TYPE ...]: writes models/formats/config/class-defaults.json again from SOURCE, a JSON file of
// { transformers, types: { <model_type>: { class, defaults, aliases } } } (what the configuration classes of a release of
// transformers say when they are made without arguments). A row keeps its keys and takes their values from there; each TYPE
// becomes a row with the keys that other rows have, less those that such a class computes from its other sizes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export const tableFile = 'models/formats/config/class-defaults.json';

/** Where transformers 5 has, inside `rope_parameters`, what files and earlier classes write beside the other keys. */
const inRopeParameters = {
  rope_theta: ['rope_theta'],
  rotary_emb_base: ['rope_theta'],
  partial_rotary_factor: ['partial_rotary_factor'],
  rotary_pct: ['partial_rotary_factor'],
  global_rope_theta: ['full_attention', 'rope_theta'],
  local_rope_theta: ['sliding_attention', 'rope_theta'],
  rope_local_base_freq: ['sliding_attention', 'rope_theta'],
};

/** What a class says of a key: under it, under the key that it is another name of, or among the rotary parameters. */
function valueIn({ defaults, aliases }, key) {
  for (const name of [key, aliases[key]])
    if (name !== undefined && Object.hasOwn(defaults, name)) return defaults[name];
  const steps = inRopeParameters[key];
  return steps?.reduce((at, step) => at?.[step], defaults.rope_parameters ?? undefined);
}

/** The object of a class: that of a type, or one inside it (`blip.text_config`). */
function classAt(types, path) {
  const [type, ...keys] = path.split('.');
  const defaults = keys.reduce((at, key) => at?.[key], types[type]?.defaults);
  if (defaults === undefined) throw new Error(`The source has no ${path}.`);
  return { defaults, aliases: (keys.length === 0 ? types[type] : types[defaults.model_type])?.aliases ?? {} };
}

/** What the class at a path says of a key. */
export const valueAt = (types, path, key) => valueIn(classAt(types, path), key);

/** What the source says today of the keys of a row. */
function valuesOf(types, type, { at = type, values }) {
  const own = classAt(types, at);
  return Object.fromEntries(
    Object.keys(values).map((key) => {
      const value = valueIn(own, key);
      if (value === undefined) throw new Error(`${at} has no ${key}: if a family needs it, it belongs to "arguments".`);
      return [key, value];
    }),
  );
}

function newRow(types, type, known) {
  const own = classAt(types, type);
  const [hidden, heads] = ['hidden_size', 'num_attention_heads'].map((key) => valueIn(own, key));
  const computed = { head_dim: hidden / heads, num_key_value_heads: heads };
  const keys = [...known].filter((key) => {
    const value = valueIn(own, key);
    return value !== undefined && !(Array.isArray(value) && value.length > 8) && value !== computed[key];
  });
  return { class: types[type].class, values: Object.fromEntries(keys.map((key) => [key, valueIn(own, key)])) };
}

/** The table with the values of the source, and rows for `added`. */
export function refreshed(table, { transformers, types }, added = []) {
  const known = new Set(Object.values(table.classes).flatMap(({ values }) => Object.keys(values)));
  const rows = Object.entries(table.classes).map(([type, row]) => [
    type,
    { ...row, values: valuesOf(types, type, row) },
  ]);
  const further = added.map((type) => [type, newRow(types, type, known)]);
  const classes = Object.fromEntries([...rows, ...further].sort(([one], [other]) => (one < other ? -1 : 1)));
  return { ...table, transformers, classes };
}

/** One row a line. */
export const textOf = ({ transformers, classes, others, names }) => {
  const lines = (rows) => rows.map(([key, row]) => `${JSON.stringify(key)}: ${JSON.stringify(row)}`).join(',\n');
  const groups = names.map((group) => JSON.stringify(group)).join(',\n');
  return `{"transformers": ${JSON.stringify(transformers)},\n"classes": {\n${lines(Object.entries(classes))}\n},\n"others": {\n${lines(Object.entries(others))}\n},\n"names": [\n${groups}\n]}\n`;
};

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const file = join(import.meta.dirname, '..', tableFile);
  const [source, ...added] = process.argv.slice(2);
  if (source === undefined) throw new Error('usage: node build/class-defaults.mjs SOURCE [TYPE ...]');
  const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
  writeFileSync(file, textOf(refreshed(read(file), read(source), added)));
}
