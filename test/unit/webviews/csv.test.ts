import assert from 'node:assert/strict';
import { toCsv } from '../../../webviews/ui/csv';
import type { Column } from '../../../webviews/ui/table';
import { sectionCsv } from '../../../webviews/sections/section-file';
import { readText, trackedFiles } from '../../support/repository-files';

const column = (id: string): Column<string | number> => ({ id, title: id, numeric: false, value: (row) => row });
const written = (value: string | number): string => toCsv([column('x')], [value]).slice('x\r\n'.length, -2);

describe('a CSV file', () => {
  it('holds no formula', () => {
    for (const formula of ['=1+1', '+A1', '-A1+2', '@SUM(A1)', '\t=1', '＝1+1', '-', '=', '-0.5-A1']) {
      assert.equal(written(formula), `'${formula}`, formula);
    }
    assert.equal(written('=HYPERLINK("http://x";"y")'), `"'=HYPERLINK(""http://x"";""y"")"`);
    assert.equal(written('\r=1'), `"'\r=1"`);
    assert.equal(toCsv([column('=x')], []), `'=x\r\n`);
  });

  it('leaves numbers numbers, also several in a cell, and other texts as they are', () => {
    for (const [value, text] of [
      [-0.5, '-0.5'],
      [-1e-21, '-1e-21'],
      ['-0.5', '-0.5'],
      ['+3e5', '+3e5'],
      ['-0.5;;2', '-0.5;;2'],
      ['a-b', 'a-b'],
      [' the', ' the'],
    ] as const) {
      assert.equal(written(value), text);
    }
  });

  it('is written for a row of keys with the tokens as they are', () => {
    const of = { layer: 0, head: 0 };
    const tokens = ['=A1', 'a "b"\n'];
    const csv = sectionCsv({ kind: 'matrix', id: 'm', title: 'L0H0', of, tokens, tokenIds: [5, 6], causal: true });
    const rows = csv.slice(csv.indexOf('position,'));
    assert.equal(rows, `position,id,token,probability\r\n0,5,'=A1,\r\n1,6,"a ""b""\n",\r\n`);
  });

  it('is written by one writer', () => {
    const others = trackedFiles()
      .filter((path) => /^(webviews|extension|compute-server|language-server|protocol|diagnostics)\/.*\.ts$/.test(path))
      .filter((path) => path !== 'protocol/wire/csv.ts')
      .filter((path) => {
        const text = readText(path) ?? '';
        return (
          /csv/i.test(text) &&
          /join\((['"`])[,;]?(\\r)?(\\n)?\1\)|\}["']?,["']?\$\{/.test(text) &&
          /["`']\w+,\w+,/.test(text)
        );
      });
    assert.deepEqual(others, []);
  });
});
