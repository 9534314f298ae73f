/** Files of model folders to start from: the faults and the valid files of every rule, and the example workspace. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../../../models/formats/config/parse-config';
import { hostileTexts } from '../../support/hostile-texts';
import { families } from '../../../models/formats/families/catalogue';
import { Random, mutateBytes, mutateTree } from '../../support/fuzz/random';
import { unmark } from '../../unit/language-server/caret';
import { ruleCases } from '../../unit/language-server/rule-cases';

const examples = join('examples', 'workspace');
const files: readonly (readonly [name: string, text: string])[] = [
  ...Object.values(ruleCases).flatMap(({ fires, silent }) =>
    [...fires, ...silent].map((one): [string, string] => {
      const [text, beside] = typeof one === 'string' ? [one, undefined] : one;
      return [beside?.name ?? 'config.json', unmark(text).text.slice(0, 4000)];
    }),
  ),
  // Every family with nothing but its type: its defaults fill it.
  ...families.flatMap(({ modelTypes }) =>
    modelTypes.map((type): [string, string] => ['config.json', JSON.stringify({ model_type: type, vocab_size: 100 })]),
  ),
  ...readdirSync(examples, { withFileTypes: true }).flatMap((entry): [string, string][] =>
    entry.isDirectory() && readdirSync(join(examples, entry.name)).includes('config.json')
      ? [['config.json', readFileSync(join(examples, entry.name, 'config.json'), 'utf8')]]
      : [],
  ),
];

const tokens: readonly string[] = [
  ...['{', '}', '[', ']', ',', ':', '"', '\\', 'null', 'true', 'True', "'a'", '-1', '0', '1e308', '1e-9', '0.5'],
  ...['9007199254740993', '"x"', '{}', '[]', '[null]', '\n', '\u0000', '\ud800', '// c\n', 'NaN', '-Infinity'],
  ...['"__proto__": {"a": 1},', '"constructor": 5,', '"model_type": "lama",', '{"text_config":'],
  ...Object.values(hostileTexts).map((text) => JSON.stringify(text)),
];

/** Slips of the pen, and worse: pieces dropped, put in, doubled; values of another kind, half of all real faults. */
const mutateText = (text: string, random: Random): string => {
  let result = text;
  for (let step = random.whole(1, 4); step > 0; step -= 1) {
    const at = random.whole(0, result.length);
    const span = random.whole(0, 11);
    const token = random.pick(tokens);
    const kind = random.whole(0, 6);
    if (kind === 0) result = result.slice(0, at) + result.slice(at + span);
    else if (kind === 1) result = result.slice(0, at) + token + result.slice(at);
    else if (kind === 2) result = result.slice(0, at) + token + result.slice(at + span);
    else if (kind === 3) result = result.slice(0, at);
    else if (kind === 4)
      result = result.slice(0, at) + result.slice(at, at + span * 4).repeat(2) + result.slice(at + span * 4);
    else
      result = result.replace(/: ?(-?\d[\d.]*|"[^"]*"|\[[^\]]*\])/g, (value) =>
        random.chance(0.3) ? `: ${token}` : value,
      );
  }
  return result;
};

const parsed = (text: string): unknown => {
  const read = parseConfig(text);
  return read.ok ? read.value : { model_type: 'llama', hidden_size: 64, num_attention_heads: 4 };
};

/** A list or an object of very many entries in the place of one value. */
const swell = (text: string, random: Random): string => {
  const value = parsed(text) as Record<string, unknown>;
  const count = random.whole(20_000, 120_000);
  const key = random.pick([
    ...Object.keys(value),
    ...['layer_types', 'eos_token_id', 'architectures', 'target_modules', 'rope_scaling', 'weight_map', 'text_config'],
  ]);
  const entry = random.pick(['full_attentio', '../model-', 'num_attention_head', 'q_pro']);
  const list = Array.from({ length: count }, (_, index) =>
    random.chance(0.001) ? null : key === 'eos_token_id' ? index * 7 : `${entry}${index}`,
  );
  const swollen = random.chance(0.5) ? list : Object.fromEntries(list.map((name, index) => [String(name), index]));
  return JSON.stringify({ ...value, [key]: swollen });
};

export interface MadeFile {
  readonly name: string;
  readonly bytes: Buffer;
  /** Where someone points in the text, as a share of its length. */
  readonly pointed: number;
}

export const makeFile = (seed: number): MadeFile => {
  const random = new Random(seed);
  const [name, text] = random.pick(files);
  const pointed = random.unit();
  const kind = random.unit();
  const made = (bytes: string | Buffer): MadeFile => ({ name, bytes: Buffer.from(bytes as string), pointed });
  if (kind < 0.01) return made(swell(text, random));
  if (kind < 0.03) return made(Buffer.from(`\ufeff${text}`, random.pick(['utf8', 'utf16le', 'latin1'])));
  if (kind < 0.15) return made(mutateBytes(random, Buffer.from(text), 4));
  if (kind < 0.45)
    return made(JSON.stringify(mutateTree(random, parsed(text), 5), undefined, random.whole(0, 2)) ?? '');
  if (kind < 0.55) return made(text);
  return made(mutateText(text, random));
};
