import assert from 'node:assert/strict';
import { sampled } from '../../../../compute-server/model/prompt/picture-sample';

const folder = (count: number, place = '/pictures') =>
  Array.from({ length: count }, (_, at) => ({ path: `${place}/scene-${at}.png` }));
const names = (pictures: readonly { readonly path: string }[]): string[] =>
  pictures.map(({ path }) => path.split('/').at(-1) ?? '');

describe('the sample of a folder of pictures', () => {
  it('is as large as asked for, in the order of the folder, and the same again', () => {
    const all = folder(320);
    const drawn = sampled(all, { count: 20, seed: 0 });
    assert.equal(new Set(names(drawn)).size, 20);
    const places = drawn.map((picture) => all.indexOf(picture));
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
    );
    assert.deepEqual(
      names(sampled(folder(320, '/elsewhere').reverse(), { count: 20, seed: 0 })).reverse(),
      names(drawn),
    );
    assert.notDeepEqual(names(sampled(all, { count: 20, seed: 1 })), names(drawn));
  });

  it('grows with its count, and a picture that is added replaces at most one', () => {
    const all = folder(100);
    const twenty = names(sampled(all, { count: 20, seed: 5 }));
    const forty = new Set(names(sampled(all, { count: 40, seed: 5 })));
    assert.ok(twenty.every((name) => forty.has(name)));
    const later = new Set(names(sampled([...all, { path: '/pictures/new.png' }], { count: 20, seed: 5 })));
    assert.ok(twenty.filter((name) => !later.has(name)).length <= 1);
  });

  it('takes every picture about equally often', () => {
    const all = folder(10);
    const times = new Map<string, number>();
    for (let seed = 0; seed < 400; seed++) {
      for (const name of names(sampled(all, { count: 3, seed }))) times.set(name, (times.get(name) ?? 0) + 1);
    }
    // 120 expected, deviation 9.2: six deviations.
    for (const { path } of all) assert.ok(Math.abs((times.get(path.split('/').at(-1) ?? '') ?? 0) - 120) < 55);
  });

  it('is all of a folder that has no more, or where none is asked for', () => {
    const all = folder(5);
    assert.equal(sampled(all, { count: 20, seed: 0 }), all);
    assert.equal(sampled(all, undefined), all);
  });
});
