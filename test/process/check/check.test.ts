import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rules } from '../../../language-server/service/rules/catalogue';

const cli = join('dist', 'cli.js');
const good = '{"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2}';
const faulty =
  '{\n  "model_type": "llama",\n  "hidden_size": 64,\n  "num_attention_heads": 4,\n  "num_key_value_heads": 3\n}';

interface CheckResult {
  files: {
    path: string;
    findings: {
      code: string;
      severity: string;
      message: string;
      range: { start: { line: number; character: number } };
    }[];
  }[];
}

interface SarifLog {
  version: string;
  runs: {
    tool: { driver: { name: string; rules: { id: string }[] } };
    results: {
      ruleId: string;
      ruleIndex: number;
      level: string;
      locations: {
        physicalLocation: { artifactLocation: { uri: string }; region: { startLine: number; startColumn: number } };
      }[];
    }[];
  }[];
}

describe('headscope check', () => {
  let root: string;
  before(() => {
    assert.ok(existsSync(cli), `${cli} is missing: run "npm run build" first`);
    root = mkdtempSync(join(tmpdir(), 'headscope-check-'));
    for (const [name, text] of [
      ['good', good],
      ['bad', faulty],
    ] as const) {
      mkdirSync(join(root, name));
      writeFileSync(join(root, name, 'config.json'), text);
    }
    writeFileSync(join(root, 'package.json'), '{"name": "x"}');
  });
  after(() => rmSync(root, { recursive: true, force: true }));
  const check = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(process.execPath, [cli, 'check', ...words], { encoding: 'utf8' });

  it('ends with 3 and one sentence where its output cannot be written', () => {
    // Opened for reading: every write fails, on each platform.
    const readOnly = openSync(join(root, 'package.json'), 'r');
    const { status, stderr } = spawnSync(process.execPath, [cli, 'check', root], {
      encoding: 'utf8',
      stdio: ['ignore', readOnly, 'pipe'],
    });
    closeSync(readOnly);
    assert.equal(status, 3, stderr);
    assert.match(stderr, /^Standard output could not be written \(.*\)\. .*\.\n$/);
  });

  it('ends with 0 on a valid model and 1 on an error', () => {
    const fine = check(join(root, 'good'));
    assert.equal(fine.status, 0, fine.stderr);
    const wrong = check(join(root, 'bad', 'config.json'));
    assert.equal(wrong.status, 1);
    assert.match(wrong.stdout, /config\.json:5:26: error: 3 key\/value heads .*\[kv-heads-do-not-divide\]/);
  });
  it('finds the models below a folder and leaves other JSON alone; --format json', () => {
    const { status, stdout } = check(root, '--format', 'json');
    assert.equal(status, 1);
    const { files } = JSON.parse(stdout) as CheckResult;
    assert.deepEqual(
      files.map(({ path }) => path),
      [join(root, 'bad', 'config.json'), join(root, 'good', 'config.json')],
    );
    const [finding] = files[0]?.findings ?? [];
    assert.equal(finding?.code, 'kv-heads-do-not-divide');
    assert.deepEqual(finding.range.start, { line: 4, character: 25 });
  });
  it('writes a SARIF log whose results name rules and places', () => {
    const log = JSON.parse(check(root, '--format', 'sarif').stdout) as SarifLog;
    assert.equal(log.version, '2.1.0');
    const [run] = log.runs;
    assert.equal(run?.tool.driver.rules.length, rules.length);
    for (const result of run.results) {
      assert.equal(run.tool.driver.rules[result.ruleIndex]?.id, result.ruleId);
      assert.ok(['error', 'warning', 'note'].includes(result.level));
      const { artifactLocation, region } = result.locations[0]?.physicalLocation ?? assert.fail('no place');
      assert.ok(!artifactLocation.uri.includes('\\') && region.startLine >= 1 && region.startColumn >= 1);
    }
    assert.ok(run.results.some(({ level }) => level === 'error'));
  });
  it('takes severities and a device memory', () => {
    assert.equal(check(root, '--severity', 'kv-heads-do-not-divide=off').status, 0);
    const { stdout } = check(join(root, 'good'), '--device-memory', '0.00001');
    assert.match(stdout, /cache-over-memory/);
  });
  it('explains wrong usage with status 2', () => {
    for (const words of [[], [root, '--wrong']]) {
      const { status, stderr } = check(...words);
      assert.equal(status, 2, words.join(' '));
      assert.ok(stderr.length > 20, words.join(' '));
    }
  });
});
