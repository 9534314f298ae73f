/** The editor of a cache plan from the extension's side: what the page asks for becomes text of the file. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { PlanFileHost } from '../../../extension/panels/plan/host';
import { textChange } from '../../../extension/panels/text-change';
import { planDescription, planDetails, planFileName, planLines } from '../../../extension/results/plan-words';
import type { ToPlanPanel } from '../../../protocol/panels/plan';
import { parsePlan, planText, type Plan } from '../../../protocol/plans/plan-file';
import { EditedFile } from '../../support/edited-file';

const text = readFileSync('test/fixtures/results/razor.headscope-plan.json', 'utf8');
const read = parsePlan(text);
assert.ok(read.ok);
const plan = read.result;

function opened() {
  const sent: ToPlanPanel[] = [];
  const edited = new EditedFile('razor', parsePlan, text, plan);
  const services = {
    ...edited.services,
    now: () => '2026-11-27T21:00:00.000Z',
    headscope: '0.1.0',
    showHeads: edited.note('heads'),
    evaluate: edited.note('evaluate'),
    write: (_: Plan, format: string) => edited.note(`write ${format}`)(),
  };
  const host = edited.shownBy(new PlanFileHost(edited.file, services, (message) => sent.push(message)));
  return { host, sent, edited, said: edited.said };
}

describe('the host of a cache plan', () => {
  it('writes what is painted as text, one head a line, and sends what the file says then', async () => {
    const { host, sent, edited } = opened();
    await host.receive({ kind: 'ready' });
    assert.deepEqual(sent.at(-1)?.result, plan);
    assert.deepEqual(
      sent
        .at(-1)
        ?.formats.map(({ id }) => id)
        .includes('table'),
      true,
    );
    await host.receive({ kind: 'paint', heads: [{ layer: 0, head: 1, keep: { kind: 'full' } }] });
    const { start, end, replacement } = textChange(planText(plan), edited.text);
    assert.ok(end - start < text.length && replacement.length > 0);
    assert.deepEqual(sent.at(-1)?.result?.heads[0], [{ kind: 'recent', sinks: 4, recent: 64 }, { kind: 'full' }]);
    assert.equal(sent.at(-1)?.result?.origin.method, 'edited');
    await host.receive({ kind: 'retitle', title: 'Mine' });
    assert.equal(sent.at(-1)?.result?.title, 'Mine');
  });

  it('leaves the file as it is where nothing changes, and draws it again', async () => {
    const { host, sent, edited } = opened();
    await host.receive({ kind: 'ready' });
    await host.receive({ kind: 'paint', heads: [{ layer: 1, head: 0, keep: { kind: 'full' } }] });
    assert.equal(edited.text, text);
    assert.equal(sent.length, 2);
  });

  it('says why a file cannot be shown, and that it cannot be painted', async () => {
    const { host, sent, said, edited } = opened();
    edited.texts.push(text.replace('"headscope-plan"', '"headscope-bench"'));
    await host.receive({ kind: 'ready' });
    assert.match(sent[0]?.problem ?? '', /^razor cannot be shown\. kind is not "headscope-plan"/);
    await host.receive({ kind: 'retitle', title: 'Mine' });
    assert.match(said[0] ?? '', /^razor cannot be read as a cache plan\./);
    await host.receive({ kind: 'paint', heads: 3 });
    assert.match(said[1] ?? '', /does not understand/);
  });

  it('passes on what is asked, and compares until it is told to stop', async () => {
    const { host, sent, said } = opened();
    await host.receive({ kind: 'ready' });
    for (const kind of ['undo', 'redo', 'openText', 'showHeads', 'evaluate']) await host.receive({ kind });
    await host.receive({ kind: 'write', format: 'table' });
    assert.deepEqual(said, ['undo', 'redo', 'text', 'heads', 'evaluate', 'write table']);
    await host.receive({ kind: 'compare' });
    assert.equal(sent.at(-1)?.compareWith?.name, 'other');
    await host.receive({ kind: 'stopComparing' });
    assert.equal(sent.at(-1)?.compareWith, undefined);
  });
});

describe('a cache plan in lists', () => {
  it('is named by its time and title, and says what it keeps', () => {
    assert.match(planFileName(plan), /^\d{4}-\d\d-\d\d-\d{6}-plan-Layer-1-in-full\.headscope-plan\.json$/);
    assert.match(planDescription(plan), /^Layer 1 in full: [\d.]+ % of the cache at 8,192 tokens$/);
    assert.equal(planDetails(plan)[1], '2 of 16 key/value heads keep everything.');
    assert.deepEqual(
      planLines(plan).map(({ label, text: words }) => `${label}: ${words}`),
      [
        'Full: 2 key/value heads',
        'Sinks and recents: 11 key/value heads: 2 forms',
        'Compensated: 1 key/value head: 4+64+mean',
        'Elastic span: 1 key/value head: span(32+0.25n,4)',
        'Chosen positions: 1 key/value head: kept(0-3,9)',
      ],
    );
  });
});

describe('the stretch in which two texts differ', () => {
  it('is as short as their common ends leave it', () => {
    assert.deepEqual(textChange('abcde', 'abXde'), { start: 2, end: 3, replacement: 'X' });
    assert.deepEqual(textChange('aaa', 'aaaa'), { start: 3, end: 3, replacement: 'a' });
    assert.deepEqual(textChange('abab', 'ab'), { start: 2, end: 4, replacement: '' });
    assert.deepEqual(textChange('same', 'same'), { start: 4, end: 4, replacement: '' });
  });
});
