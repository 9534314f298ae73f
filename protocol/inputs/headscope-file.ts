/**
 * `.headscope.json`: what a repository of models says to Headscope, for everyone who works in it. Names of rules are held
 * against the catalogue by the language server, which alone knows it.
 */
import type { Output, Schema } from '../schema/check';
import * as v from 'valibot';
import { anyFields, list, numberFrom, object, oneOf, optional, record, text } from '../schema/fields';

/** How a finding is reported; `off` switches its rule off. */
export const severityLevels = ['error', 'warning', 'information', 'hint', 'off'] as const;
export type SeverityLevel = (typeof severityLevels)[number];

const textOfAtMost = (most: number): Schema<string> =>
  v.pipe(
    v.string('a text'),
    v.minLength(1, 'a non-empty text'),
    v.maxLength(most, `a text of at most ${most} characters`),
  );

const said = <T>(schema: Schema<T>, words: string): Schema<T> => v.pipe(schema, v.description(words));

export const headscopeFileFields = object({
  $schema: optional(text),
  /** Levels by the code of a rule. */
  severity: optional(
    said(
      record(oneOf(severityLevels), 'an object of severities by rule'),
      'Severity of single rules, by their code: error, warning, information, hint or off.',
    ),
  ),
  /** Path of a file of known findings, relative to this file. */
  baseline: optional(
    said(
      textOfAtMost(1024),
      'A file of known findings, which are not reported again. Written by headscope check --write-baseline.',
    ),
  ),
  /** Memory of the device that is to hold the KV cache; 0: not asked. */
  deviceMemoryGB: optional(
    said(
      numberFrom(0, 1_000_000, 'a number of GB, 0 or more'),
      'Report a KV cache that at full length needs more than this; 0 is off.',
    ),
  ),
  /** Files that are not checked, relative to this file; `*`, `**` and `?` stand for others. */
  exclude: optional(
    said(
      list(textOfAtMost(256), 'a list of patterns', { most: 200 }),
      'Files and folders that are not checked. * and ? stand for characters of one name, ** for any folders.',
    ),
  ),
  /** Descriptions of model families. */
  families: optional(said(list(anyFields, 'a list of objects', { most: 1000 }), 'Model families of your own.')),
});
export type HeadscopeFileFields = Output<typeof headscopeFileFields>;

/** Every key that the file may have. */
export const headscopeFileKeys: readonly (keyof HeadscopeFileFields)[] = [
  '$schema',
  'severity',
  'baseline',
  'deviceMemoryGB',
  'exclude',
  'families',
];
