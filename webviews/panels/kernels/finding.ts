/** The first line of the panel: what was found, in one or two sentences. */
import { threadWords } from '../../../protocol/results/thread-words';
import type { BenchmarkRow, BenchmarkSetup } from '../../../protocol/results/benchmark-schema';
import { verdict } from '../../../protocol/results/verdict';
import { count, milliseconds, probability, seconds, significant } from '../../ui/numbers';
import { changeSentence } from './comparison';
import type { Form } from './form';
import { measuredMechanisms, progressOf, type State } from './state';

export function finding(state: State, title: (id: string) => string): string {
  const { phase, measuredSetup, rows } = state;
  if (!measuredSetup || rows.length === 0) {
    if (phase.kind === 'running')
      return 'Measuring. Each mechanism is checked against its reference before it is timed.';
    return `Which attention kernel is fastest for ${state.form?.origin ? `the attention of ${state.form.origin}` : 'this shape'} on this machine?`;
  }
  const ready = rows.filter((row) => !state.provisional.includes(`${row.mechanism}@${row.length}`));
  const cancelled = state.phase.kind !== 'running' && state.result?.state === 'cancelled';
  const { done, total } = progressOf(state);
  const sentences = [
    cancelled ? `Cancelled after ${done} of ${total} points.` : '',
    comparison(ready, measuredSetup, title),
    changeSentence(state, (id) => within(title(id))),
    failures(ready, measuredSetup, title),
    cancelled ? '' : missing(state),
  ];
  return sentences.filter((sentence) => sentence !== '').join(' ');
}

function comparison(rows: readonly BenchmarkRow[], plan: BenchmarkSetup, title: (id: string) => string): string {
  const timed = rows.filter((row) => row.ok && row.medianMs !== undefined);
  const compared = timed.filter((row) => row.mechanism !== plan.baseline && row.ratioToBaseline !== undefined);
  const length = Math.max(...(compared.length > 0 ? compared : timed).map((row) => row.length));
  if (!Number.isFinite(length))
    return rows.length > 0 ? 'No mechanism could be timed.' : 'Nothing has been measured yet.';
  const here = compared.filter((row) => row.length === length).sort((a, b) => ratio(b) - ratio(a));
  // A noisy row may have the highest ratio and decide nothing: a significant difference comes before it.
  const fastest = here.find((row) => decision(row) === 'faster') ?? here[0];
  const baseline = within(title(plan.baseline));
  if (!fastest) {
    const row = timed.find((one) => one.length === length);
    return `${title(row?.mechanism ?? '')} takes ${milliseconds(row?.medianMs ?? 0)} at ${count(length)} tokens.`;
  }
  const decided = decision(fastest);
  if (decided === 'faster') {
    const base = rows.find((row) => row.mechanism === plan.baseline && row.length === length);
    const memory =
      fastest.peakBytes !== undefined && base?.peakBytes !== undefined && base.peakBytes > 0
        ? `, with ${significant(fastest.peakBytes / base.peakBytes, 2)}x its memory`
        : '';
    return `${title(fastest.mechanism)} is ${significant(ratio(fastest))}x faster than ${baseline} at ${count(length)} tokens (${certainty(fastest)})${memory}.`;
  }
  const name = within(title(fastest.mechanism));
  return decided === 'slower'
    ? `No mechanism is faster than ${baseline} at ${count(length)} tokens; the nearest, ${name}, takes ${significant(1 / ratio(fastest))}x its time (${certainty(fastest, true)}).`
    : `No mechanism is faster than ${baseline} at ${count(length)} tokens; ${name} does not differ from it significantly (ratio ${significant(ratio(fastest))}, ${certainty(fastest)}).`;
}

/** The interval of the ratio with its test; `slower`: of the mechanism's time over the baseline's. */
function certainty({ ratioToBaseline, notes }: BenchmarkRow, slower = false): string {
  if (!ratioToBaseline) return 'no pairs';
  const { low, high, p } = ratioToBaseline;
  const [from, to] = slower ? [1 / high, 1 / low] : [low, high];
  // With fewer than six pairs the test gives no 95 % interval: the ends are those of the pairs.
  const kind = notes?.includes('few-pairs') ? 'few pairs from' : '95 %';
  const where = notes?.includes('busy') ? ' on a busy machine' : '';
  return `${kind} ${significant(from)} to ${significant(to)}${where}, p ${p < 0.001 ? '' : '= '}${probability(p)}`;
}

const ratio = (row: BenchmarkRow): number => row.ratioToBaseline?.median ?? 0;
const decision = ({ ratioToBaseline }: BenchmarkRow) => (ratioToBaseline ? verdict(ratioToBaseline) : 'same');

function failures(rows: readonly BenchmarkRow[], plan: BenchmarkSetup, title: (id: string) => string): string {
  const failed = [...new Set(rows.filter((row) => !row.ok).map((row) => row.mechanism))];
  if (failed.length === 0) return '';
  if (failed.length === 1) return `${title(failed[0] ?? '')} has no time at some lengths: see the table.`;
  return `${failed.length} of ${measuredMechanisms(plan).length} mechanisms have no time at some lengths: see the table.`;
}

function missing(state: State): string {
  const { done, total } = progressOf(state);
  if (state.phase.kind === 'running' || done >= total) return '';
  return `Stopped after ${done} of ${total} points.`;
}

/** A title inside a sentence: `Tiled` -> `tiled`, but `ALiBi` stays. */
export const within = (title: string): string =>
  /^[A-Z][a-z-]+( |$)/.test(title) ? title.charAt(0).toLowerCase() + title.slice(1) : title;

/** The second line: what was run and where. */
export function circumstances(state: State, title: (id: string) => string): string {
  const { measuredSetup: plan, result } = state;
  if (!plan || state.rows.length === 0) {
    const how =
      'each kernel is checked against a float64 reference first, then timed in random order until the times settle';
    const { form } = state;
    if (!form?.origin) return `${how.charAt(0).toUpperCase()}${how.slice(1)}.`;
    return [form.origin, shapeWords(form), how].join(' · ');
  }
  const { shape } = plan;
  const device = result
    ? `${result.device.name}, ${threadWords(result.device.threads)}`
    : deviceName(state, plan.device);
  const took = result ? [`${seconds(result.seconds)}`] : [];
  return [
    ...(plan.origin ? [plan.origin] : []),
    `${shape.mode === 'decode' ? 'decoding one token on a cache' : shape.pattern}, batch ${shape.batch}, ${shape.heads} heads${shape.kvHeads === shape.heads ? '' : ` (${shape.kvHeads} key/value)`}, width ${shape.headDim}`,
    `${plan.precision} on ${device}`,
    `baseline ${within(title(plan.baseline))}`,
    ...took,
  ].join(' · ');
}

/** The shape as typed: `32 heads (8 key/value), width 128, causal-self`. */
export const shapeWords = ({ heads, kvHeads, headDim, mode, pattern }: Form): string =>
  `${heads} heads${kvHeads === heads ? '' : ` (${kvHeads} key/value)`}, width ${headDim}, ${mode === 'decode' ? 'decoding one token on a cache' : pattern}`;

const deviceName = (state: State, id: string): string => state.devices.find((device) => device.id === id)?.name ?? id;
