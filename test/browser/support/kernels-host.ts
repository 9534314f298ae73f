/** The extension's side of the kernels panel, played from a recorded result. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { DeviceInfo, MechanismInfo } from '../../../protocol/compute/api';
import type { FromKernelsPanel } from '../../../protocol/panels/kernels-schema';
import type { ShapeChoice, ToKernelsPanel } from '../../../protocol/panels/kernels';
import type { BenchmarkSetup, BenchmarkResult } from '../../../protocol/results/benchmark-schema';

const folder = path.join(__dirname, '../../fixtures/webviews');
const load = (name: string): unknown => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));

export const mechanisms = load('mechanisms.json') as readonly MechanismInfo[];
export const devices = load('devices.json') as readonly DeviceInfo[];
export const shapes = load('shapes.json') as readonly ShapeChoice[];
export const result = load('result.headscope-bench.json') as BenchmarkResult;
/** As `headscope bench` wrote it, with the catalogue of the same build. */
export const measured = load('measured.headscope-bench.json') as BenchmarkResult;
export const catalogue = load('catalogue.json') as readonly MechanismInfo[];
export const plan: BenchmarkSetup = result.plan;

/** As if other programs had used the machine meanwhile. */
export const busyResult: BenchmarkResult = {
  ...result,
  rows: result.rows.map((row) => (row.ok ? { ...row, notes: [...(row.notes ?? []), 'busy'] } : row)),
  machine: {
    processors: 2,
    load: {
      before: { others: 0.05, average: 1.2, seconds: 0.2 },
      during: { others: 0.42, average: 2.6, seconds: 40 },
    },
    busy: true,
  },
};

export type OpenMessage = Extract<ToKernelsPanel, { kind: 'open' }>;

export const openMessage = (change: Partial<OpenMessage> = {}): OpenMessage => ({
  kind: 'open',
  place: 'full',
  mechanisms,
  devices,
  shapes,
  processors: 64,
  plan,
  canRun: true,
  ...change,
});

/** What can run a plan; `refused` says why a mechanism cannot. */
export const supports = (refused: Readonly<Record<string, string>> = {}): ToKernelsPanel => ({
  kind: 'supports',
  supports: mechanisms.map(({ id }) => {
    const why = refused[id];
    if (why !== undefined) return { mechanism: id, ok: false, why };
    const row = result.rows.findLast(({ mechanism }) => mechanism === id);
    return { mechanism: id, ok: true, predictedPeakBytes: row?.predictedPeakBytes ?? 2.1e8 };
  }),
});

/** Answers `ready` with `open` and a plan with what can run it; the test sends the rest itself. */
export const answering =
  (change: Partial<OpenMessage> = {}, refused: Readonly<Record<string, string>> = {}) =>
  (message: FromKernelsPanel): readonly ToKernelsPanel[] => {
    if (message.kind === 'ready') return [openMessage(change)];
    return message.kind === 'planned' ? [supports(refused)] : [];
  };
