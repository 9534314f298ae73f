/** `headscope check --fix`: what it changes, what it leaves to a person, and that nothing else of a file moves. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fixFiles } from '../../../../language-server/command-line/fix-files';
import { defaultSettings } from '../../../../language-server/service/check';
import type { KnownFindings } from '../../../../language-server/workspace/known-findings';
import { certainChanges, withChanges } from '../../../../language-server/service/certain-fixes';
import { findingsOf, unmark } from '../caret';
import { ruleCases } from '../rule-cases';
import { check, config, Place } from './run';

const mla = '"kv_lora_rank": 32, "q_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 16';
const deepseek = `{"model_type": "deepseek_v3", "hidden_size": 256, "num_attention_heads": 4, "num_key_value_heads": 4, "num_hidden_layers": 2, ${mla}`;

/** The file says what is meant. */
const certain: readonly (readonly [what: string, name: string, before: string, after: string])[] = [
  ['a shorthand of a dtype', 'config.json', config('"dtype": "fp16"'), config('"dtype": "float16"')],
  ['a slip in a dtype', 'config.json', config('"dtype": "bflaot16"'), config('"dtype": "bfloat16"')],
  ['a slip in a key', 'config.json', config('"num_key_value_head": 2'), config('"num_key_value_heads": 2')],
  [
    'a slip in the type, which the class confirms',
    'config.json',
    config('"architectures": ["MistralForCausalLM"]').replace('llama', 'mistrel'),
    config('"architectures": ["MistralForCausalLM"]').replace('llama', 'mistral'),
  ],
  [
    'slips in kinds of layers',
    'config.json',
    config('"layer_types": ["full_atention", "full_atention"]'),
    config('"layer_types": ["full_attention", "full_attention"]'),
  ],
  [
    'a slip in a form of rope scaling',
    'config.json',
    config('"rope_scaling": {"rope_type": "liner", "factor": 2.0}'),
    config('"rope_scaling": {"rope_type": "linear", "factor": 2.0}'),
  ],
  [
    'a width that is the sum of two',
    'config.json',
    `${deepseek}, "qk_head_dim": 25}`,
    `${deepseek}, "qk_head_dim": 24}`,
  ],
  [
    'commas that are one too many',
    'config.json',
    config('"layer_types": ["full_attention", "full_attention" ,\n ],\n'),
    config('"layer_types": ["full_attention", "full_attention" \n ]\n'),
  ],
  [
    'words of Python, and what is wrong beside them',
    'config.json',
    config('"use_cache": True, "attention_bias": False, "rope_scaling": None, "dtype": "fp16"'),
    config('"use_cache": true, "attention_bias": false, "rope_scaling": null, "dtype": "float16"'),
  ],
  [
    'a slip in a target of an adapter',
    'adapter_config.json',
    '{"peft_type": "LORA", "r": 8, "target_modules": ["q_porj"]}',
    '{"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"]}',
  ],
];

/** Two values disagree, two names are as near, or it depends on the version of a library: a person chooses. */
const judgement: readonly (readonly [what: string, name: string, text: string])[] = [
  ['key/value heads that do not divide', 'config.json', config('"num_key_value_heads": 3')],
  ['more key/value heads than heads', 'config.json', config('"num_key_value_heads": 8')],
  [
    'heads that do not divide, with one count near',
    'config.json',
    config().replace('"hidden_size": 64', '"hidden_size": 25'),
  ],
  ['the old name of dtype', 'config.json', config('"torch_dtype": "float16"')],
  ['the old name of rope_type', 'config.json', config('"rope_scaling": {"type": "linear", "factor": 2.0}')],
  [
    'type against rope_type',
    'config.json',
    config('"rope_scaling": {"rope_type": "linear", "type": "dynamic", "factor": 2.0}'),
  ],
  ['a dtype of another width', 'config.json', config('"dtype": "float46"')],
  ['a form of another number', 'config.json', config('"rope_scaling": {"rope_type": "llama4", "factor": 2.0}')],
  ['a type that no class confirms', 'config.json', config().replace('llama', 'mistrel')],
  [
    'a slip in a whole path',
    'adapter_config.json',
    '{"peft_type": "LORA", "r": 8, "target_modules": ["layers.1.q_porj"]}',
  ],
  [
    'a slip in what a foreign library reads',
    'config.json',
    '{"model_type": "own", "auto_map": {"AutoConfig": "x.Y"}, "hidden_size": 64, "num_attention_heads": 4, "dtype": "fp16"}',
  ],
];

describe('headscope check --fix', () => {
  let place: Place;
  beforeEach(() => (place = new Place()));
  afterEach(() => place.remove());

  for (const [what, name, before, after] of certain) {
    it(`mends ${what}`, async () => {
      const path = place.put(name, before);
      const { stdout } = await check(path, '--fix');
      assert.equal(readFileSync(path, 'utf8'), after, stdout);
      assert.match(stdout, /: \d findings? fixed\n/);
      // A second time there is nothing to do, and the file is not touched.
      const written = statSync(path);
      const again = await check(path, '--fix');
      assert.doesNotMatch(again.stdout, /fixed/);
      assert.deepEqual([statSync(path).ino, statSync(path).mtimeMs], [written.ino, written.mtimeMs]);
    });
  }

  for (const [what, name, text] of judgement) {
    it(`leaves ${what}`, async () => {
      const path = place.put(name, text);
      const { stdout, stderr } = await check(path, '--fix');
      assert.equal(readFileSync(path, 'utf8'), text);
      assert.match(stdout, /\[[a-z-]+\]\n/, 'there is something to find');
      assert.equal(stderr, '');
    });
  }

  it('keeps all other bytes: line ends, comments, order, tabs, a byte order mark', async () => {
    const before =
      '\ufeff{\r\n\t// of the year 2024\r\n\t"dtype" :"fp16" , /* here */\r\n  "model_type":"llama",\r\n"z": "\\u00e4\u00e4 \ud83d\ude00", "hidden_size": 64,\n\n"num_attention_heads": 4, "num_hidden_layers": 2   }  \r\n\r\n';
    const path = place.put('config.json', before);
    chmodSync(path, 0o640);
    await check(path, '--fix');
    assert.equal(readFileSync(path, 'utf8'), before.replace('"fp16"', '"float16"'));
    assert.equal(statSync(path).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(place.root).sort(), ['.git', 'config.json'], 'nothing else is left in the folder');
  });

  it('goes on until nothing is left: a fix shows what the next is about', async () => {
    const path = place.put('config.json', config('"layer_typs": ["full_atention", "full_attention"], "dtype": "bf16"'));
    const { status, stdout } = await check(place.root, '--fix');
    assert.equal(
      readFileSync(path, 'utf8'),
      config('"layer_types": ["full_attention", "full_attention"], "dtype": "bfloat16"'),
    );
    assert.match(stdout, /config\.json: 3 findings fixed\n/);
    assert.equal(status, 0);
  });

  it('says what it does not change: links, read-only files; and fails', async () => {
    const text = config('"dtype": "fp16"');
    place.put('real/config.json', text);
    mkdirSync(join(place.root, 'linked'));
    symlinkSync('../real/config.json', join(place.root, 'linked/config.json'));
    const guarded = place.put('guarded/config.json', text);
    chmodSync(guarded, 0o444);
    const linked = join(place.root, 'linked/config.json');
    const { status, stderr } = await check(linked, guarded, '--fix', '--severity', 'dtype-unknown=hint');
    assert.equal(status, 1);
    assert.match(stderr, /linked\/config\.json was not fixed\. It is a link, .*\.\n/);
    assert.match(stderr, /guarded\/config\.json was not fixed\. It is read-only\. .*\.\n/);
    for (const path of [linked, guarded]) assert.equal(readFileSync(path, 'utf8'), text);
  });

  it('names a file that vanishes meanwhile, and fixes the others', async () => {
    const text = config('"dtype": "fp16"');
    const gone = place.put('gone/config.json', text);
    const stays = place.put('stays/config.json', text);
    let seen = 0;
    const known = {
      // Asked while a file is fixed, when it has been read.
      areKnown: () => {
        if (seen++ === 0) rmSync(gone);
        return [];
      },
    } as unknown as KnownFindings;
    const files = [gone, stays].map((path) => ({
      file: { path, source: path, named: true },
      settings: defaultSettings,
      known,
    }));
    const { fixed, left } = await fixFiles(files, 'write');
    assert.deepEqual(left, [{ path: gone, reason: 'It is no longer there.' }]);
    assert.deepEqual(
      fixed.map(({ path }) => path),
      [stays],
    );
    assert.match(readFileSync(stays, 'utf8'), /"float16"/);
  });

  it('leaves what is no JSON, no UTF-8 or a pointer of git-lfs', async () => {
    const files: readonly (string | Buffer)[] = [
      config('"dtype": "fp16"').replace('}', ''),
      config('"dtype": "fp16", "use_cache": True').replace('}', ''),
      config('"a": undefined'),
      config("'dtype': 'fp16',"),
      Buffer.from(config('"dtype": "fp16"').replace('llama', 'll\u00e4ma'), 'latin1'),
      Buffer.from(config('"dtype": "fp16"'), 'utf16le'),
      'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n',
    ];
    for (const [index, content] of files.entries()) {
      const path = place.put(`${index}/config.json`, content);
      const { status } = await check(path, '--fix');
      assert.equal(status, 1);
      assert.deepEqual(readFileSync(path), Buffer.from(content), `file ${index}`);
    }
  });

  it('leaves rules that are off, files that are left out and findings that are known', async () => {
    const text = config('"dtype": "fp16"');
    const off = place.put('off/config.json', text);
    place.put('off/.headscope.json', '{"severity": {"dtype-unknown": "off"}}');
    const out = place.put('out/config.json', text);
    place.put('out/.headscope.json', '{"exclude": ["config.json"]}');
    const known = place.put('known/config.json', text);
    await check(known, '--write-baseline', join(place.root, 'known/base.json'));
    place.put('known/.headscope.json', '{"baseline": "base.json"}');
    const { status } = await check(place.root, '--fix');
    assert.equal(status, 0);
    for (const path of [off, out, known]) assert.equal(readFileSync(path, 'utf8'), text, path);
  });

  it('--dry-run prints a diff that git applies, and changes nothing', async () => {
    const before = `{\r\n  "model_type": "llama",\r\n  "hidden_size": 64,\r\n${'  "filler": 1,\r\n'.repeat(9)}  "num_attention_heads": 4,\r\n  "dtype": "fp16"\r\n}`;
    place.put('a b/config.json', before);
    place.put('good/config.json', config());
    const here = process.cwd();
    process.chdir(place.root);
    try {
      const { status, stdout } = await check('.', '--fix', '--dry-run');
      assert.equal(status, 1, 'the error is still there');
      assert.equal(readFileSync('a b/config.json', 'utf8'), before);
      assert.match(stdout, /^--- "?a\/a b\/config\.json/);
      assert.doesNotMatch(stdout, /good/);
      writeFileSync('fix.diff', stdout);
      execFileSync('git', ['init', '-q', '.']);
      execFileSync('git', ['apply', 'fix.diff']);
      assert.equal(readFileSync('a b/config.json', 'utf8'), before.replace('fp16', 'float16'));
      assert.equal((await check('.', '--fix', '--dry-run')).stdout, '');
    } finally {
      process.chdir(here);
    }
  });
});

describe('certain fixes of all rules', () => {
  it('take their finding away, leave JSON behind, and are done after the first time', () => {
    let seen = 0;
    for (const [code, { fires }] of Object.entries(ruleCases)) {
      for (const one of fires) {
        const [marked, beside] = typeof one === 'string' ? [one, undefined] : one;
        const { text } = unmark(marked);
        // Only the first of several faults of a text that is no JSON is reported.
        if (code === 'json-invalid') continue;
        const found = findingsOf(text, beside).filter((finding) => finding.code === code);
        const { changes, count } = certainChanges(found);
        if (count === 0) continue;
        seen += 1;
        const fixed = withChanges(text, changes);
        assert.doesNotThrow(() => JSON.parse(fixed), `${code}: ${fixed}`);
        const left = certainChanges(findingsOf(fixed, beside).filter((finding) => finding.code === code));
        assert.equal(left.count, 0, `${code}: ${fixed}`);
      }
    }
    assert.ok(seen >= 7, `${seen} cases have a certain fix`);
  });

  it('are made as far as they do not touch one another', () => {
    const fix = (offset: number, length: number, text: string) => ({
      code: 'x',
      severity: 'error' as const,
      message: '',
      span: { offset, length },
      related: [],
      deprecated: false,
      fixes: [{ title: '', preferred: true, certain: true, changes: [{ offset, length, text }] }],
    });
    const { changes, count } = certainChanges([fix(6, 2, 'C'), fix(0, 3, 'A'), fix(2, 3, 'B')]);
    assert.equal(count, 2);
    assert.equal(withChanges('0123456789', changes), 'A345C89');
  });
});
