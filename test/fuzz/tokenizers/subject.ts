/** Tokenizers and chat templates, sound and broken: opened, and asked for ids, pieces, text and a chat. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TextFault } from '../../../compute-server/model/text/text-library';
import { openTokeniser, type Tokeniser } from '../../../compute-server/model/text/tokeniser';
import {
  writeByteLevelTokenizer,
  writeUnigramTokenizer,
  writeVisionTokenizer,
  writeWordPieceTokenizer,
} from '../../support/checkpoints/tokenizers';
import { faultOfSentence } from '../../support/fuzz/judge';
import { mutateTree, Random } from '../../support/fuzz/random';
import type { Outcome, Subject } from '../../support/fuzz/subject';

type Files = Readonly<Record<string, string>>;

/** tokenizer.json and tokenizer_config.json of every kind that the tests have. */
const kinds: readonly Files[] = [
  writeByteLevelTokenizer,
  writeWordPieceTokenizer,
  writeUnigramTokenizer,
  writeVisionTokenizer,
].map((write) => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-tokenizers-'));
  write(folder);
  const read = (name: string) => readFileSync(join(folder, name), 'utf8');
  const files = { 'tokenizer.json': read('tokenizer.json'), 'tokenizer_config.json': read('tokenizer_config.json') };
  rmSync(folder, { recursive: true });
  return files;
});

const parts: readonly (readonly [string, unknown])[] = [
  ['decoder', { type: 'Replace', pattern: { Regex: '(a|aa)+!' }, content: '' }],
  ['decoder', { type: 'Replace', pattern: { String: '' }, content: 'aa' }],
  ['decoder', { type: 'Strip', content: ' ', start: 1e9, stop: -1 }],
  ['decoder', { type: 'Fuse' }],
  ['decoder', { type: 'CTC', pad_token: null, word_delimiter_token: '|', cleanup: true }],
  ['normalizer', { type: 'Replace', pattern: { Regex: '(a+)+$' }, content: 'b' }],
  ['normalizer', { type: 'Prepend', prepend: 'a'.repeat(10_000) }],
  ['normalizer', { type: 'Precompiled', precompiled_charsmap: 'AAAA' }],
  ['pre_tokenizer', { type: 'Split', pattern: { Regex: '(?:)' }, behavior: 'Isolated', invert: false }],
  ['pre_tokenizer', { type: 'Split', pattern: { Regex: '(?i:' }, behavior: 'Removed', invert: true }],
  ['post_processor', { type: 'BertProcessing', sep: null, cls: [] }],
  [
    'model',
    {
      type: 'Unigram',
      unk_id: 0,
      vocab: [
        ['a', -1e308],
        ['b', 1e308],
        ['', 0],
      ],
    },
  ],
  ['model', { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [['a', 'b'], ['b', null], 'a'] }],
];

const templates = [
  "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'user' %}ab{{ m['content'] }}{% endif %}{% endfor %}",
  '{% for a in range(100000) %}{% for b in range(100000) %}{% set c = a %}{% endfor %}{% endfor %}',
  '{% set ns = namespace(a=["x"]) %}{% for i in range(64) %}{% set ns.a = ns.a + ns.a %}{% endfor %}{{ ns.a | length }}',
  '{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}',
  "{{ messages[0]['content'] | upper | replace('a', 'aaaa') }}{{ raise_exception('no') }}",
  "{{ 'a' * 1000000000 }}",
  '{{ messages | tojson(indent=4) }}{% set x = messages[5].content.y.z %}',
  "{{ (''.__class__).__mro__ }}{{ constructor.constructor('return process')() }}",
  '{{'.repeat(2000),
  `{{ ${'('.repeat(3000)}1${')'.repeat(3000)} }}`,
];

const texts = [
  'ab ba',
  '',
  'a'.repeat(40),
  'é€ 中文 \ud83d\ude00',
  '\ud800',
  'the cat at',
  '<s> [CLS] <image>',
  ' \t\n\u0000',
];

interface Input {
  readonly files: Files;
  readonly text: string;
}

function mutatedText(random: Random, text: string): string {
  let changed = text;
  for (let edit = random.whole(1, 3); edit > 0; edit--) {
    const at = random.whole(0, changed.length);
    const to = Math.min(changed.length, at + random.whole(0, 6));
    const put = random.pick([
      '',
      '{%',
      '%}',
      '{{',
      '}}',
      '|',
      '(',
      "'",
      '.',
      '[',
      'x',
      '\u0000',
      changed.slice(at, to),
    ]);
    changed = changed.slice(0, at) + put + changed.slice(to);
  }
  return changed;
}

function make(seed: number): Input {
  const random = new Random(seed);
  const files: Record<string, string> = { ...random.pick(kinds) };
  const change = (name: string, most: number) => {
    const tree = mutateTree(random, JSON.parse(files[name] ?? '{}'), most);
    files[name] = JSON.stringify(tree) ?? '';
  };
  if (random.chance(0.3)) {
    const [name, part] = random.pick(parts);
    files['tokenizer.json'] = JSON.stringify({
      ...(JSON.parse(files['tokenizer.json'] ?? '{}') as object),
      [name]: part,
    });
  }
  if (random.chance(0.5)) change('tokenizer.json', 2);
  if (random.chance(0.2)) change('tokenizer_config.json', 2);
  if (random.chance(0.7)) {
    const template = random.pick(templates);
    const chosen = random.chance(0.5) ? template : mutatedText(random, template);
    const name = random.pick(['chat_template.jinja', 'chat_template.json']);
    files[name] = name.endsWith('json')
      ? JSON.stringify(random.chance(0.2) ? null : { chat_template: chosen })
      : chosen;
  }
  if (random.chance(0.1)) {
    const name = random.pick(Object.keys(files));
    files[name] = mutatedText(random, files[name] ?? '');
  }
  return { files, text: random.pick(texts) };
}

/** What a call gives, or its sentence; anything else that is thrown is a fault. */
function said(act: () => unknown): string | { readonly sentence: string } {
  try {
    return JSON.stringify(act());
  } catch (error) {
    if (!(error instanceof TextFault)) throw error;
    const fault = faultOfSentence(`It cannot: ${error.message.replace(/\.$/, '')}.`);
    if (fault !== undefined) throw new Error(fault);
    return { sentence: error.message };
  }
}

const calls: readonly ((tokeniser: Tokeniser, text: string) => unknown)[] = [
  (tokeniser, text) => tokeniser.pieces(tokeniser.encode(text)),
  (tokeniser, text) => tokeniser.decode(tokeniser.plain(text)),
  (tokeniser) => tokeniser.pieces([0, 5, 60, 9999]),
  (tokeniser, text) => (tokeniser.hasChatTemplate ? tokeniser.chat(text) : []),
];

async function ask({ files, text }: Input, under: string): Promise<Outcome> {
  const folder = join(under, 'model');
  mkdirSync(folder);
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    // The runner allows five seconds for all calls together; what is stopped here is stopped as it is elsewhere, sooner.
    const outcome = await openTokeniser(folder, 800);
    if (!outcome.ok) return { refusal: outcome.why };
    const answers = calls.map((call) => said(() => call(outcome.tokeniser, text)));
    const [refused] = answers.filter((answer) => typeof answer !== 'string');
    outcome.tokeniser.close();
    return refused ? { refusal: `It cannot: ${refused.sentence.replace(/\.$/, '')}.` } : { value: answers };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const subject: Subject<Input> = {
  counts: { tier: 120, full: 500 },
  least: { values: 0.1, refusals: 0.2 },
  // The heap of one thread, filled to its limit, beside this process: 1,000 measured.
  limits: { seconds: 8, megabytes: 1500 },
  make,
  run: ask,
};
