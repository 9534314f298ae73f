/**
 * DuoAttention's table of gates (github.com/mit-han-lab/duo-attention, attn_patterns): `full_attention_heads.tsv`, a row a layer, a
 * column a key/value head, numbers separated by tabs; values outside 0 to 1 are clipped as its loader does. Sinks and recents stand in
 * the `config.json` beside it. Settings: `sparsity` (share of heads that stream) or `threshold`, `sinks`, `recent`.
 */
import { parseJson, type Checked, type Schema } from '../../schema/check';
import { either, list, number, object } from '../../schema/fields';
import { mostHeads, mostLayers } from '../../schema/parts';
import { chooseByGates, type GateRule, type Gates } from '../gates';
import { fullPlan, type HeadPlan } from '../head-plan';
import type { Plan } from '../plan-file';
import { importedPlan, type ImportTarget, type PlanFormat } from './format';

/** Of the release: half of the heads of a model with grouped heads, and the sizes that it deploys with. */
const usual = { sparsity: 0.5, sinks: 64, recent: 256 } as const;
const names = ['sparsity', 'threshold', 'sinks', 'recent'];

const rows: Schema<Gates> = list(list(number, 'a list of gates', { least: 1, most: mostHeads }), 'a list of layers', {
  least: 1,
  most: mostLayers,
});
const saved = object<{ readonly result: { readonly gates: Gates } }>({ result: object({ gates: rows }) });
const gatesField = either(rows, saved, 'a list of layers of gates, or a saved result with gates');

const clipped = (gate: number): number => Math.min(1, Math.max(0, gate));

/** The table; or the same numbers as JSON, alone or in a saved result of the analysis. */
export function parseGates(text: string): Checked<Gates> {
  if (/^\s*[[{]/u.test(text)) return jsonGates(text);
  const lines = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '');
  const gates: number[][] = [];
  for (const [at, line] of lines.entries()) {
    const row = line.split('\t').map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)));
    if (!row.every(Number.isFinite))
      return { ok: false, why: `Line ${at + 1} is no row of gates: numbers separated by tabs, one a key/value head.` };
    gates.push(row.map(clipped));
  }
  return gates.length > 0 ? { ok: true, result: gates } : { ok: false, why: 'The table of gates is empty.' };
}

/** As numpy.savetxt writes it. */
export const gatesText = (gates: Gates): string => gates.map((row) => `${row.map(scientific).join('\t')}\n`).join('');

function scientific(value: number): string {
  const [digits = '0', power = '0'] = value.toExponential(18).split('e');
  const size = Math.abs(Number(power));
  return `${digits}e${Number(power) < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`;
}

function jsonGates(text: string): Checked<Gates> {
  const read = parseJson(gatesField, text);
  return read.ok
    ? {
        ok: true,
        result: ('result' in read.result ? read.result.result.gates : read.result).map((row) => row.map(clipped)),
      }
    : read;
}

const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function readGates(text: string, target: ImportTarget): Checked<Plan> {
  const given = target.settings ?? {};
  const stranger = Object.keys(given).find((name) => !names.includes(name));
  if (stranger !== undefined)
    return { ok: false, why: `There is no setting "${stranger.slice(0, 40)}". Choose from ${names.join(', ')}.` };
  const { threshold } = given;
  const { sparsity, sinks, recent } = { ...usual, ...given };
  const rule: GateRule | undefined =
    threshold === undefined
      ? isShare(sparsity)
        ? { sparsity }
        : undefined
      : isShare(threshold)
        ? { threshold }
        : undefined;
  if (!rule) return { ok: false, why: 'Sparsity and threshold are numbers from 0 to 1.' };
  if (!isCount(sinks) || !isCount(recent)) return { ok: false, why: 'Sinks and recents are whole numbers from 0.' };
  const read = parseGates(text);
  if (!read.ok) return read;
  const streams: HeadPlan = { kind: 'recent', sinks, recent };
  const heads = chooseByGates(read.result, rule).full.map((row) => row.map((full) => (full ? fullPlan : streams)));
  return importedPlan(heads, target, { ...rule, sinks, recent }, read.result);
}

/** 1 for a head that keeps everything, 0 for one that streams. */
function writeGates({ heads }: Plan): Checked<string> {
  const streams = heads.flat().filter(({ kind }) => kind !== 'full');
  const sizes = new Set(
    streams.map((keep) =>
      keep.kind === 'recent' && keep.share === undefined && !keep.mean && !keep.append
        ? `${keep.sinks}+${keep.recent}`
        : 'other',
    ),
  );
  if (sizes.has('other') || sizes.size > 1) {
    const why =
      'DuoAttention’s table has two kinds of heads: those that keep everything, and those with the same sinks and recents. Export a table instead.';
    return { ok: false, why };
  }
  return { ok: true, result: gatesText(heads.map((row) => row.map(({ kind }) => (kind === 'full' ? 1 : 0)))) };
}

export const duoAttentionGates: PlanFormat = {
  id: 'duoattention',
  title: 'Gates of DuoAttention (TSV)',
  extension: '.tsv',
  import: readGates,
  export: writeGates,
};
