/** What runs that did not end left on the disk on 2026-11-30: the same run goes on behind it, or measures it again. */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deserialize } from 'node:v8';
import { StepStore, stepFolders } from '../../../compute-server/analyses/step-store';
import { headscopeVersion } from '../../../compute-server/version';
import { analyses } from '../../../diagnostics/catalogue';
import { Cases, casesFor, type Case } from './cases';
import { recorded, started } from './runs';

const fixtures = join(__dirname, '../../fixtures');
const stepsOf = JSON.parse(readFileSync(join(fixtures, 'earlier/steps-of-analyses.json'), 'utf8')) as Readonly<
  Record<string, Readonly<Record<string, string>>>
>;

/** Equal, numbers up to the rounding of another machine. */
function assertNear(actual: unknown, expected: unknown, place: string): void {
  if (typeof expected === 'number' && Number.isFinite(expected)) {
    assert.ok(typeof actual === 'number', `${place} is no number`);
    assert.ok(
      Math.abs(actual - expected) <= 1e-4 * Math.max(1, Math.abs(expected)),
      `${place}: ${actual}, ${expected}`,
    );
  } else if (typeof expected === 'object' && expected !== null) {
    assert.ok(typeof actual === 'object' && actual !== null, `${place} was lost`);
    assert.deepEqual(Object.keys(actual), Object.keys(expected), place);
    for (const [key, value] of Object.entries(expected))
      assertNear((actual as Readonly<Record<string, unknown>>)[key], value, `${place}.${key}`);
  } else assert.deepEqual(actual, expected, place);
}

describe('what a run that did not end left on the disk before', function () {
  this.timeout(120_000);
  const cases = new Cases();
  let all: readonly Case[];
  let cache: string;
  before(async () => (all = await cases.all()));
  after(() => cases.close());
  beforeEach(() => {
    cache = mkdtempSync(join(tmpdir(), 'headscope-earlier-'));
    cpSync(join(fixtures, 'earlier/cache'), cache, { recursive: true });
  });
  afterEach(() => rmSync(cache, { recursive: true }));

  for (const [id, steps] of Object.entries(stepsOf)) {
    it(`steps of ${id}: the run behind them gives what a whole one gives`, async () => {
      const analysis = analyses.find((one) => one.id === id);
      assert.ok(analysis, 'the catalogue has it no more');
      for (const of of casesFor(analysis, all)) {
        const start = await started(analysis, of);
        if (!analysis.supports(start.runner.facts, start.job.parameters).ok) continue;
        const before = new Map(Object.entries(steps).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
        const [resumed, whole] = [await recorded(start, before), await recorded(start)];
        assertNear(resumed.result, whole.result, id);
        assert.ok(resumed.worked.length < whole.worked.length, 'no step is called as it was');
        return;
      }
      assert.fail('it supports none of the checkpoints');
    });
  }

  it('a file of a step is taken by the version that wrote it, and measured again by others', async () => {
    const steps = new StepStore(stepFolders(cache, ''), 'run');
    await steps.open();
    assert.equal(steps.kept, 1);
    const value = await steps.step('one', () => Promise.resolve({ scores: [2] }));
    const file = join(fixtures, 'earlier/cache/headscope-steps/5e87f618bd8837e87070ae7f/7692c3ad3540bb803c020b3a.step');
    const { headscope } = deserialize(readFileSync(file)) as { readonly headscope: string };
    assert.deepEqual(value, { scores: headscope === headscopeVersion ? [1, Number.NaN] : [2] });
    await steps.remove();
    assert.ok(existsSync(join(cache, 'headscope-unfinished/5e87f618bd8837e87070ae7f')), 'what others keep stays');
  });

  it('layers, answers and captions, of which none go on, are deleted by the next run that keeps a step', async () => {
    const left = () => readdirSync(join(cache, 'headscope-unfinished')).filter((name) => name !== 'CACHEDIR.TAG');
    assert.equal(left().length, 3);
    await new StepStore(stepFolders(undefined, cache), 'another run').step('one', async () => {
      // Shorter steps are not kept.
      await new Promise((next) => setTimeout(next, 30));
    });
    assert.deepEqual(left(), []);
  });
});
