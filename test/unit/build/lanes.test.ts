/** Steps side by side: each once, none before what it waits for, and no lane idle while there is something to do. */
import assert from 'node:assert/strict';
import { runInLanes } from '../../../build/steps.mjs';
import type { Step } from '../../../build/steps.mjs';

/** Runs the steps; each ends when `end` is called with its name. `begun` lists them in order. */
function lanesOf(steps: readonly Step[], lanes: readonly ((step: Step) => boolean)[]) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const all = runInLanes(steps, lanes, ({ name }) => {
    begun.push(name);
    return new Promise((done) => ends.set(name, done));
  });
  const end = async (name: string): Promise<void> => {
    const finish = ends.get(name);
    assert.ok(finish, `${name} has begun`);
    finish();
    // Promises that follow from it have run once the event loop turns.
    await new Promise(setImmediate);
  };
  return { begun, end, all };
}

const any = (): boolean => true;

describe('steps in lanes', () => {
  it('begin in their order as lanes come free', async () => {
    const { begun, end, all } = lanesOf([{ name: 'a' }, { name: 'b' }, { name: 'c' }, { name: 'd' }], [any, any]);
    assert.deepEqual(begun, ['a', 'b']);
    await end('b');
    assert.deepEqual(begun, ['a', 'b', 'c']);
    await end('a');
    assert.deepEqual(begun, ['a', 'b', 'c', 'd']);
    await end('c');
    await end('d');
    await all;
  });

  it('wait for what they need, while a lane takes what needs nothing', async () => {
    const steps = [
      { name: 'host' },
      { name: 'editor', after: ['host'] },
      { name: 'unit' },
      { name: 'last', after: ['editor', 'unit'] },
    ];
    const { begun, end, all } = lanesOf(steps, [any, any]);
    assert.deepEqual(begun, ['host', 'unit']);
    await end('unit');
    assert.deepEqual(begun, ['host', 'unit'], 'the free lane has nothing that may begin');
    await end('host');
    assert.deepEqual(begun, ['host', 'unit', 'editor']);
    await end('editor');
    assert.deepEqual(begun, ['host', 'unit', 'editor', 'last']);
    await end('last');
    await all;
  });

  it('do not wait for what is not among them', async () => {
    const { begun, end, all } = lanesOf([{ name: 'package', after: ['editor'] }], [any]);
    assert.deepEqual(begun, ['package']);
    await end('package');
    await all;
  });

  it('keep to the lanes that take them', async () => {
    const light = ({ light = false }: Step): boolean => light;
    const steps = [{ name: 'host', light: true }, { name: 'a' }, { name: 'b' }];
    const { begun, end, all } = lanesOf(steps, [(step) => !light(step), light]);
    assert.deepEqual(begun, ['a', 'host']);
    await end('host');
    assert.deepEqual(begun, ['a', 'host']);
    await end('a');
    await end('b');
    await all;
    assert.deepEqual(begun, ['a', 'host', 'b']);
  });
});
