/** SARIF as GitHub's code scanning takes it: "SARIF support for code scanning" of its documentation, read 2026-11-28. */
import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { FileForSarif } from '../../../../language-server/command-line/sarif';
import { toSarif } from '../../../../language-server/command-line/sarif';
import { rules } from '../../../../language-server/service/rules/catalogue';
import { check, config, Place } from './run';

interface PhysicalLocation {
  readonly artifactLocation: { readonly uri: string; readonly uriBaseId?: string };
  readonly region: Readonly<Record<'startLine' | 'startColumn' | 'endLine' | 'endColumn', number>>;
}
interface Result {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly level: string;
  readonly message: { readonly text: string };
  readonly locations: readonly { readonly physicalLocation: PhysicalLocation }[];
  readonly partialFingerprints: Readonly<Record<string, string>>;
  readonly baselineState?: string;
}
interface Text {
  readonly text: string;
}
interface Log {
  readonly $schema: string;
  readonly version: string;
  readonly runs: readonly {
    readonly tool: {
      readonly driver: {
        readonly name: string;
        readonly semanticVersion: string;
        readonly rules: readonly {
          readonly id: string;
          readonly shortDescription: Text;
          readonly fullDescription: Text;
          readonly help: Text;
          readonly helpUri: string;
          readonly defaultConfiguration: { readonly level: string };
        }[];
      };
    };
    readonly originalUriBaseIds: Readonly<Record<string, object>>;
    readonly invocations: readonly { readonly toolExecutionNotifications?: readonly { readonly message: Text }[] }[];
    readonly results: readonly Result[];
  }[];
}

/** Every property that the documentation marks as required is there and not empty, and no limit is passed. */
const expectAccepted = (log: Log): void => {
  assert.equal(log.$schema, 'https://json.schemastore.org/sarif-2.1.0.json');
  assert.equal(log.version, '2.1.0');
  assert.equal(log.runs.length, 1);
  for (const { tool, results, originalUriBaseIds } of log.runs) {
    assert.ok(tool.driver.name !== '' && /^\d+\.\d+\.\d+/.test(tool.driver.semanticVersion));
    for (const { id, shortDescription, fullDescription, help, helpUri, defaultConfiguration } of tool.driver.rules) {
      assert.ok(id !== '' && help.text !== '');
      for (const { text } of [shortDescription, fullDescription]) assert.ok(text.length > 0 && text.length <= 1024);
      assert.ok(URL.canParse(helpUri));
      assert.ok(['note', 'warning', 'error'].includes(defaultConfiguration.level));
    }
    assert.ok(results.length <= 25_000);
    for (const { ruleId, ruleIndex, level, message, locations, partialFingerprints } of results) {
      assert.equal(tool.driver.rules[ruleIndex]?.id, ruleId);
      assert.ok(['note', 'warning', 'error'].includes(level) && message.text !== '');
      assert.equal(locations.length, 1);
      assert.ok(Object.values(partialFingerprints).every((value) => value !== ''));
      for (const { physicalLocation } of locations) {
        const { uri, uriBaseId } = physicalLocation.artifactLocation;
        assert.ok(!uri.includes('\\') && !uri.startsWith('/') && !uri.split('/').includes('..'), uri);
        assert.equal(uriBaseId === undefined, uri.startsWith('file:'));
        if (uriBaseId !== undefined) assert.ok(Object.hasOwn(originalUriBaseIds, uriBaseId));
        const { startLine, startColumn, endLine, endColumn } = physicalLocation.region;
        assert.ok(startLine >= 1 && startColumn >= 1);
        assert.ok(endLine > startLine || (endLine === startLine && endColumn >= startColumn));
      }
    }
  }
};

const finding = (severity: 'error' | 'hint') => ({
  code: 'key-misspelt',
  severity,
  message: 'It is wrong.',
  range: { start: { line: 2, character: 4 }, end: { line: 2, character: 9 } },
  fingerprint: 'f',
});
const file = (path: string, findings: FileForSarif['findings'], isKnown: readonly boolean[] = []): FileForSarif => ({
  path,
  checked: true,
  findings,
  isKnown,
});
const sarif = (files: readonly FileForSarif[], quiet = false, hasBaseline = false): Log =>
  toSarif(files, rules, { quiet, hasBaseline }) as Log;

describe('SARIF of headscope check', () => {
  let place: Place;
  beforeEach(() => (place = new Place()));
  afterEach(() => place.remove());

  it('has what GitHub requires, of every kind of finding', async () => {
    place.put('a b/config.json', config('"num_key_value_heads": 3, "dtype": "fp16"'));
    place.put('broken/config.json', '{"model_type": ');
    place.put('empty/config.json', '{}');
    place.put('onnx/model.onnx', 'no graph');
    place.put('processor/config.json', config());
    place.put('processor/adapter_config.json', '{"peft_type": "LORA", "r": 0, "target_modules": ["q_porj"]}');
    const log = JSON.parse((await check(place.root, '--format', 'sarif')).stdout) as Log;
    expectAccepted(log);
    const found = new Set(log.runs[0]?.results.map(({ ruleId }) => ruleId));
    for (const code of ['kv-heads-do-not-divide', 'dtype-unknown', 'json-invalid', 'file-not-read', 'graph-unreadable'])
      assert.ok(found.has(code), code);
  });

  it('names files relative to the folder where it ran, encoded, and others by their whole address', () => {
    const outside = join(place.root, 'c#1.json');
    const log = sarif([file('models/a b/ü.json', [finding('error')]), file(outside, [finding('error')])]);
    expectAccepted(log);
    const [inside, other] = log.runs[0]?.results.map(({ locations }) => locations[0]?.physicalLocation) ?? [];
    assert.deepEqual(inside?.artifactLocation, { uri: 'models/a%20b/%C3%BC.json', uriBaseId: '%SRCROOT%' });
    assert.deepEqual(inside.region, { startLine: 3, startColumn: 5, endLine: 3, endColumn: 10 });
    assert.deepEqual(other?.artifactLocation, { uri: pathToFileURL(outside).href });
  });

  it('says of each result whether a baseline knows it, and only where there is one', () => {
    const files = [file('a.json', [finding('error'), finding('hint')], [true, false])];
    const states = (log: Log): unknown => log.runs[0]?.results.map(({ baselineState }) => baselineState);
    assert.deepEqual(states(sarif(files, false, true)), ['unchanged', 'new']);
    assert.deepEqual(states(sarif(files)), [undefined, undefined]);
    assert.deepEqual(states(sarif(files, true, true)), ['unchanged']);
  });

  it('holds at most 25,000 results, the most severe, and says what it leaves out', () => {
    const log = sarif([file('a.json', [...Array.from({ length: 25_000 }, () => finding('hint')), finding('error')])]);
    expectAccepted(log);
    const [run] = log.runs;
    assert.equal(run?.results.length, 25_000);
    assert.equal(run.results[0]?.level, 'error');
    assert.match(run.invocations[0]?.toolExecutionNotifications?.[0]?.message.text ?? '', /^1 findings /);
  });

  it('is written beside what is printed with --sarif', async () => {
    place.put('config.json', config('"num_key_value_heads": 3'));
    const path = join(place.root, 'out.sarif');
    const { status, stdout } = await check(place.root, '--sarif', path);
    assert.equal(status, 1);
    assert.match(stdout, /\n1 file checked: 1 error,/);
    const log = JSON.parse(readFileSync(path, 'utf8')) as Log;
    expectAccepted(log);
    assert.equal(log.runs[0]?.results.length, 1);
    const nowhere = await check(place.root, '--sarif', join(place.root, 'no/out.sarif'));
    assert.deepEqual([nowhere.status, nowhere.stdout], [2, '']);
    // A link is written through, and what is no file is not replaced by one.
    symlinkSync('out.sarif', join(place.root, 'link.sarif'));
    await check(place.root, '--sarif', join(place.root, 'link.sarif'), '--severity', 'kv-heads-do-not-divide=off');
    assert.ok(lstatSync(join(place.root, 'link.sarif')).isSymbolicLink());
    assert.equal((JSON.parse(readFileSync(path, 'utf8')) as Log).runs[0]?.results.length, 0);
    mkdirSync(join(place.root, 'folder'));
    const folder = await check(place.root, '--sarif', join(place.root, 'folder'));
    assert.equal(folder.status, 2);
    assert.match(folder.stderr, /folder was not written\. It is a folder\. Name a file\./);
  });
});
