/** Files of every kind as Headscope has written them so far open, and say what stands in them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { parseBenchmark } from '../../../extension/results/benchmark-file';
import { parseHallucination } from '../../../extension/results/hallucination-file';
import { parseHeads } from '../../../extension/results/heads-file';
import { parseIntervention } from '../../../extension/results/intervention-file';
import { parseModule } from '../../../extension/results/module-words';
import { parseAnalysis } from '../../../protocol/analysis/schema';
import { parsePlan } from '../../../protocol/plans/plan-file';
import type { Checked } from '../../../protocol/schema/check';

const folder = join(__dirname, '../../fixtures/results');

const parsers: Readonly<Record<string, (text: string) => Checked<unknown>>> = {
  'headscope-analysis': parseAnalysis,
  'headscope-bench': parseBenchmark,
  'headscope-hallucination': parseHallucination,
  'headscope-heads': parseHeads,
  'headscope-intervention': parseIntervention,
  'headscope-module': parseModule,
  'headscope-plan': parsePlan,
};

const files = readdirSync(folder);
const endingOf = (file: string): string => file.split('.').at(-2) ?? '';

function open(file: string): { readonly raw: unknown; readonly read: unknown } {
  const text = readFileSync(join(folder, file), 'utf8');
  const parsed = parsers[endingOf(file)]?.(text);
  assert.ok(parsed?.ok, parsed?.ok === false ? parsed.why : `no parser reads ${file}`);
  return { raw: JSON.parse(text) as unknown, read: parsed.result };
}

/** `headscope vhd --json` writes them beside the result, for scripts. */
const besideTheResult = ['text', 'tokens', 'mentions', 'score', 'stoppedAt'];

/** Where what was read is not what stands in the file: null may be read as NaN, and in a row as nothing. */
function differences(raw: unknown, read: unknown, place: string): string[] {
  if (raw === null) return read === null || Number.isNaN(read) ? [] : [`${place}: null became ${inspect(read)}`];
  if (typeof raw !== 'object') return raw === read ? [] : [`${place}: ${inspect(raw)} became ${inspect(read)}`];
  if (typeof read !== 'object' || read === null) return [`${place} was lost`];
  const before = raw as Readonly<Record<string, unknown>>;
  const after = read as Readonly<Record<string, unknown>>;
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
    const here = `${place}.${key}`;
    if (/^rows\.\d+\.\w+$/.test(here.slice(1)) && before[key] === null && !(key in after)) return [];
    if (!(key in before)) return [`${here} was made up`];
    return key in after ? differences(before[key], after[key], here) : [`${here} was left out`];
  });
}

interface Written {
  readonly size: number;
  readonly data: string;
}

interface Gains {
  readonly gains: readonly { readonly layer: number; readonly head: number; readonly gain: number }[];
}

/** Files of this version hold them, earlier ones gains alone. */
const interventionsOf = (saved: Gains & { readonly interventions?: unknown }): unknown =>
  saved.interventions ?? saved.gains.map(({ layer, head, gain }) => ({ kind: 'gain', layer, head, gain }));

describe('a file that was saved by this version or an earlier one', () => {
  it('is there of every kind', () => {
    assert.deepEqual([...new Set(files.map(endingOf))].sort(), Object.keys(parsers));
  });

  for (const file of files) {
    it(`${file} is read as it stands, nothing lost`, () => {
      const { raw, read } = open(file);
      switch (endingOf(file)) {
        case 'headscope-heads': {
          const { thumbnails: written, ...saved } = raw as Gains & { readonly thumbnails?: Written };
          const result = { ...saved, interventions: interventionsOf(saved) };
          const { thumbnails, result: heads } = read as {
            readonly thumbnails?: { readonly size: number; readonly data: Float32Array };
            readonly result: unknown;
          };
          assert.deepEqual(differences(result, heads, ''), []);
          assert.equal(thumbnails?.size, written?.size);
          const bytes = Buffer.from(written?.data ?? '', 'base64');
          assert.deepEqual(
            [...(thumbnails?.data ?? [])],
            Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(4 * at)),
          );
          break;
        }
        case 'headscope-intervention':
          assert.deepEqual(read, interventionsOf(raw as Gains));
          break;
        case 'headscope-hallucination': {
          const beside = 'caption' in (raw as object) ? besideTheResult : [];
          const own = Object.fromEntries(Object.entries(raw as object).filter(([key]) => !beside.includes(key)));
          assert.deepEqual(differences(own, read, ''), []);
          break;
        }
        default:
          assert.deepEqual(differences(raw, read, ''), []);
      }
    });
  }

  it('says in numbers what was measured', () => {
    const { result } = open('causal.headscope-heads.json').read as { readonly result: Record<string, unknown> };
    const { layers, heads, gains, groups, classes, labelScores } = result;
    assert.deepEqual([layers, heads, gains], [4, 8, [{ layer: 1, head: 2, gain: 0.5 }]]);
    assert.deepEqual(Object.keys(groups as object), ['first']);
    assert.ok((classes as readonly object[]).some((one) => 'causal' in one));
    assert.ok('retrieval' in (labelScores as object));
    const set = open('set.headscope-hallucination.json').read as Record<string, unknown>;
    assert.equal((set['entries'] as readonly unknown[]).length, 2);
    assert.equal((set['variants'] as readonly unknown[]).length, 2);
  });
});
