import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChartSection } from '../../../../protocol/sections/chart';
import { lightHues } from '../../../../webviews/charts/palette';
import { chartOf } from '../../../../webviews/sections/chart/chart-model';
import { looksOf, withLooks } from '../../../../webviews/sections/page-looks';

const chart = (id: string, titles: readonly string[]): ChartSection => ({
  kind: 'chart',
  id,
  title: id,
  x: { title: 'layer', unit: '', scale: 'linear' },
  y: { title: 'share', unit: '', scale: 'linear' },
  // Ids by place: the name says which series is the same.
  series: titles.map((title, at) => ({ id: `series-${at}`, title, mark: 'line', points: [{ x: 0, y: 1 }] })),
});

describe('colours over the charts of a page', () => {
  const page = [
    chart('a', ['plain', 'masked']),
    chart('b', ['masked', 'random', 'plain']),
    chart(
      'c',
      Array.from({ length: 6 }, (_, at) => `other ${at}`),
    ),
    chart('d', ['random', 'other 5', 'last']),
  ];
  const drawn = page.map((section) => chartOf(withLooks(section, looksOf(page))));

  it('are the same for the same name in each chart', () => {
    const found = new Map<string, Set<string>>();
    for (const { series } of drawn) {
      for (const { title, identity } of series) {
        found.set(title, (found.get(title) ?? new Set()).add(`${identity.hue} ${identity.shape}`));
      }
    }
    for (const [title, looks] of found) assert.equal(looks.size, 1, title);
    assert.equal(new Set([...found.values()].flatMap((looks) => [...looks])).size, found.size, 'no two alike');
  });

  it('are different within a chart, also where the page has more series than there are colours', () => {
    for (const { id, series } of drawn) {
      assert.equal(new Set(series.map(({ identity }) => identity.hue)).size, series.length, id);
    }
    assert.ok(new Set(page.flatMap(({ series }) => series.map(({ title }) => title))).size > lightHues.length);
  });

  it('keep what a series brings along, for its name in other charts too', () => {
    const [first, second] = [chart('a', ['plain']), chart('b', ['plain', 'other'])];
    const own = { ...first, series: first.series.map((one) => ({ ...one, look: { colour: 5, shape: 2 } })) };
    const { series } = chartOf(withLooks(second, looksOf([second, own])));
    assert.equal(series[0]?.identity.hue, 5);
    assert.notEqual(series[1]?.identity.hue, 5);
  });

  it('give the same section each time, so that a chart is not drawn anew', () => {
    const [first] = page;
    assert.ok(first);
    assert.equal(withLooks(first, looksOf(page)), withLooks(first, looksOf(page)));
  });
});

describe('the looks of sections', () => {
  it('change nothing of the frame of a panel: no rule is of a class that the frame has', () => {
    const webviews = join(__dirname, '..', '..', '..', '..', 'webviews');
    const styles = readFileSync(join(webviews, 'sections', 'styles.ts'), 'utf8');
    const rules = new Set([...styles.matchAll(/^ {2}\.([\w-]+)(?=[ ,:.{])/gmu)].map(([, name = '']) => name));
    const frame = readdirSync(join(webviews, 'ui'))
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [...readFileSync(join(webviews, 'ui', file), 'utf8').matchAll(/class="([^"]*)"/gu)])
      .flatMap(([, names = '']) => names.replaceAll(/\$\{[^}]*\}/gu, ' ').split(/\s+/u));
    assert.ok(rules.size > 20 && frame.includes('strip'), 'both are found');
    assert.deepEqual(
      frame.filter((name) => rules.has(name)),
      [],
    );
  });
});
