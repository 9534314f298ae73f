/**
 * DuoAttention's table of gates (github.com/mit-han-lab/duo-attention, attn_patterns): `full_attention_heads.tsv`, a row a layer, a
 * column a key/value head, numbers separated by tabs; values outside 0 to 1 are clipped as its loader does. The `config.json` beside it
 * has the sinks and recents of the training, which its evaluation replaces; what a plan of ours deploys therefore stands in a first line
 * that begins with #, which the loader (numpy.loadtxt) skips. Settings: `sparsity` (share of heads that stream) or `threshold`, `sinks`,
 * `recent`.
 */
import { type Output, parseJson, type Checked, type Schema } from '../../schema/check';
import { either, list, number, object, optional, whole } from '../../schema/fields';
import { mostHeads, mostLayers } from '../../schema/parts';
import { chooseByGates, type GateRule, type Gates } from '../gates';
import { fullPlan, type HeadPlan } from '../head-plan';
import type { Plan } from '../plan-file';
import { importedPlan, streamOf, type ImportTarget, type PlanFormat } from './format';

/** Defaults of the release: half of the heads of a model with grouped heads, and the sizes that it deploys with. */
const usual = { sparsity: 0.5, sinks: 64, recent: 256 } as const;
const names = ['sparsity', 'threshold', 'sinks', 'recent'];

/** Gates, and what a file of ours says of the choice beside them. */
interface Read {
  readonly gates: Gates;
  readonly sizes: Partial<Sizes>;
  readonly rule: GateRule;
}

const rows: Schema<Gates> = list(list(number, 'a list of gates', { least: 1, most: mostHeads }), 'a list of layers', {
  least: 1,
  most: mostLayers,
});
/** What a streaming head keeps under the plan. */
const sizes = object({ sinks: whole, recent: whole });
type Sizes = Output<typeof sizes>;

const savedSchema = object({
  gates: rows,
  sparsity: optional(number),
  deployed: optional(sizes),
});
type Saved = Output<typeof savedSchema>;

const saved = object({
  result: savedSchema,
});
const gatesField = either(rows, saved, 'a list of layers of gates, or a saved result with gates');

const clipped = (gate: number): number => Math.min(1, Math.max(0, gate));

/** The table; or the same numbers as JSON, alone or in a saved result of the analysis. */
export function parseGates(text: string): Checked<Gates> {
  const read = readFile(text);
  return read.ok ? { ok: true, result: read.result.gates } : read;
}

/** As `sizesLine` writes it. */
const sizesIn = /^#.*\bsink_size=(\d+) recent_size=(\d+)/u;
const sizesLine = ({ sinks, recent }: Sizes): string => `# deployed: sink_size=${sinks} recent_size=${recent}\n`;

/** Ones and zeros are a choice that was made already. */
const ruleFor = (gates: Gates): GateRule =>
  gates.every((row) => row.every((gate) => gate === 0 || gate === 1))
    ? { threshold: 0.5 }
    : { sparsity: usual.sparsity };

function readFile(text: string): Checked<Read> {
  if (/^\s*[[{]/u.test(text)) return jsonGates(text);
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const gates: number[][] = [];
  let sizes: Partial<Sizes> = {};
  for (const [at, line] of lines.entries()) {
    const [, sinks, recent] = sizesIn.exec(line) ?? [];
    if (sinks !== undefined) sizes = { sinks: Number(sinks), recent: Number(recent) };
    if (line.trim() === '' || line.startsWith('#')) continue;
    const row = line.split('\t').map((cell) => (cell.trim() === '' ? Number.NaN : Number(cell)));
    if (!row.every(Number.isFinite))
      return { ok: false, why: `Line ${at + 1} is no row of gates: numbers separated by tabs, one a key/value head.` };
    gates.push(row.map(clipped));
  }
  if (gates.length === 0) return { ok: false, why: 'The table of gates is empty.' };
  return { ok: true, result: { gates, sizes, rule: ruleFor(gates) } };
}

/** As numpy.savetxt writes it. */
const gatesText = (gates: Gates): string => gates.map((row) => `${row.map(scientific).join('\t')}\n`).join('');

function scientific(value: number): string {
  const [digits = '0', power = '0'] = value.toExponential(18).split('e');
  const size = Math.abs(Number(power));
  return `${digits}e${Number(power) < 0 ? '-' : '+'}${size < 10 ? '0' : ''}${size}`;
}

function jsonGates(text: string): Checked<Read> {
  const read = parseJson(gatesField, text);
  if (!read.ok) return read;
  const {
    gates: given,
    sparsity,
    deployed,
  }: Saved = 'result' in read.result ? read.result.result : { gates: read.result };
  const gates = given.map((row) => row.map(clipped));
  const rule = sparsity === undefined ? ruleFor(gates) : { sparsity };
  return { ok: true, result: { gates, sizes: deployed ?? {}, rule } };
}

const isShare = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 1;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

function readGates(text: string, target: ImportTarget): Checked<Plan> {
  const given = target.settings ?? {};
  const stranger = Object.keys(given).find((name) => !names.includes(name));
  if (stranger !== undefined)
    return { ok: false, why: `There is no setting "${stranger.slice(0, 40)}". Choose from ${names.join(', ')}.` };
  const read = readFile(text);
  if (!read.ok) return read;
  const { gates } = read.result;
  const { sparsity, threshold } = given;
  const { sinks, recent } = { ...usual, ...read.result.sizes, ...given };
  const rule = sparsity === undefined && threshold === undefined ? read.result.rule : ruleGiven(sparsity, threshold);
  if (!rule) return { ok: false, why: 'Sparsity and threshold are numbers from 0 to 1.' };
  if (!isCount(sinks) || !isCount(recent)) return { ok: false, why: 'Sinks and recents are whole numbers from 0.' };
  const streams: HeadPlan = { kind: 'recent', sinks, recent };
  const heads = chooseByGates(gates, rule).full.map((row) => row.map((full) => (full ? fullPlan : streams)));
  return importedPlan(heads, target, { ...rule, sinks, recent }, gates);
}

/** A threshold goes before a sparsity. */
function ruleGiven(sparsity: unknown, threshold: unknown): GateRule | undefined {
  if (threshold !== undefined) return isShare(threshold) ? { threshold } : undefined;
  return isShare(sparsity) ? { sparsity } : undefined;
}

/** 1 for a head that keeps everything, 0 for one that streams. */
function writeGates(plan: Plan): Checked<string> {
  const read = streamOf(plan, 'DuoAttention’s table has');
  if (!read.ok) return read;
  const first = read.result ? sizesLine(read.result) : '';
  const gates = plan.heads.map((row) => row.map(({ kind }) => (kind === 'full' ? 1 : 0)));
  return { ok: true, result: first + gatesText(gates) };
}

export const duoAttentionGates: PlanFormat = {
  id: 'duoattention',
  title: 'Gates of DuoAttention (TSV)',
  extension: '.tsv',
  import: readGates,
  export: writeGates,
};
