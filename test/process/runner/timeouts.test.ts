/** On a machine that `npm test` found slow, every limit of Mocha is as much longer; none is stretched twice. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { repositoryRoot } from '../../support/host/versions';

/** Notes the limit that counts in each place where one can be set. */
const suite = (file: string): string => `
const { appendFileSync } = require('node:fs');
const note = (of, limit) => appendFileSync(${JSON.stringify(file)}, JSON.stringify([of, limit]) + '\\n');
describe('by default', () => {
  it('a test', function () { note('default', this.timeout()); });
});
describe('a suite', function () {
  this.timeout(3000);
  beforeEach(function () { note('hook', this.timeout()); });
  before(function () { this.timeout(1000); note('hook of its own', this.timeout()); });
  it('a test', function () { note('suite', this.timeout()); });
  it('a test of its own', function () { this.timeout(500); note('test', this.timeout()); });
  describe('inside', () => {
    it('a test', function () { note('inside', this.timeout()); });
  });
});
`;

describe('the limits of the tests on a machine seven times as slow', () => {
  const folder = mkdtempSync(join(tmpdir(), 'headscope-limits-'));
  after(() => rmSync(folder, { recursive: true }));

  it('are seven times as long', async () => {
    const [noted, spec] = [join(folder, 'noted'), join(folder, 'limits.cjs')];
    writeFileSync(spec, suite(noted));
    await promisify(execFile)(process.execPath, ['node_modules/mocha/bin/mocha.js', '--spec', spec], {
      cwd: repositoryRoot,
      env: { ...process.env, HEADSCOPE_SLOWNESS: '7', HEADSCOPE_TIER_RESULT: join(folder, 'result.json') },
    });
    const seen = new Map(
      readFileSync(noted, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as [string, number]),
    );
    // A crowd of other processes may stretch them all further, by the same factor at each moment.
    const expected = { default: 20_000, hook: 3000, 'hook of its own': 1000, suite: 3000, test: 500, inside: 3000 };
    for (const [of, milliseconds] of Object.entries(expected)) {
      const factor = (seen.get(of) ?? 0) / milliseconds;
      assert.ok(factor >= 7 && factor <= 12, `${of}: ${factor} times as long`);
    }
  });
});
