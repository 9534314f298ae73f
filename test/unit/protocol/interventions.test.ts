import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseDo, parseEach, printDo } from '../../../protocol/interventions/do-form';
import { savedInterventions } from '../../../protocol/interventions/file';
import { isFrozen } from '../../../protocol/interventions/freeze';
import {
  interventionsField,
  kindNames,
  kindOf,
  kinds,
  type Intervention,
} from '../../../protocol/interventions/interventions';
import { check } from '../../../protocol/schema/check';

const read = (text: string): Intervention => {
  const parsed = parseDo(text);
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.why);
  return parsed.value;
};
const refusal = (text: string): string => {
  const parsed = parseDo(text);
  assert.ok(!parsed.ok, `"${text}" was read`);
  return parsed.why;
};

/** Written form and what it means. */
const forms: readonly (readonly [string, Intervention])[] = [
  ['gain:2.5=0', { kind: 'gain', layer: 2, head: 5, gain: 0 }],
  ['gain:0.1=-1.5', { kind: 'gain', layer: 0, head: 1, gain: -1.5 }],
  ['cross-gain:2.5=0', { kind: 'cross-gain', layer: 2, head: 5, gain: 0 }],
  [
    'cross-head:1.0@2=mean',
    { kind: 'cross-head', layer: 1, head: 0, positions: { start: 2, end: 3 }, source: { from: 'mean' } },
  ],
  ['state-gain:0.3=-2', { kind: 'state-gain', layer: 0, head: 3, gain: -2 }],
  [
    'state-head:1.0@2-3=zero',
    { kind: 'state-head', layer: 1, head: 0, positions: { start: 2, end: 4 }, source: { from: 'zero' } },
  ],
  ['encoder:gain:2.5=0', { kind: 'encoder', change: { kind: 'gain', layer: 2, head: 5, gain: 0 } }],
  [
    'encoder:head:0.1@3=prompt:a=b: c',
    {
      kind: 'encoder',
      change: {
        ...{ kind: 'head', layer: 0, head: 1, positions: { start: 3, end: 4 } },
        source: { from: 'prompt', prompt: 'a=b: c' },
      },
    },
  ],
  ['bias:2.5:3-9=-4', { kind: 'bias', layer: 2, head: 5, keys: { start: 3, end: 10 }, bias: -4 }],
  ['bias:2.5:image=0.5', { kind: 'bias', layer: 2, head: 5, keys: 'image', bias: 0.5 }],
  ['weight:2.5:7=0.25', { kind: 'weight', layer: 2, head: 5, keys: { start: 7, end: 8 }, weight: 0.25 }],
  ['unsuppress:5=0.5', { kind: 'unsuppress', layer: 5, share: 0.5 }],
  ['uniform:1.0', { kind: 'uniform', layer: 1, head: 0 }],
  ['head:2.5=zero', { kind: 'head', layer: 2, head: 5, source: { from: 'zero' } }],
  [
    'head:2.5@3-7=prompt:the other text',
    {
      kind: 'head',
      layer: 2,
      head: 5,
      positions: { start: 3, end: 8 },
      source: { from: 'prompt', prompt: 'the other text' },
    },
  ],
  ['head:2.5=prompt:a=b: c, d', { kind: 'head', layer: 2, head: 5, source: { from: 'prompt', prompt: 'a=b: c, d' } }],
  ['head:2.5=prompt:" a\\n"', { kind: 'head', layer: 2, head: 5, source: { from: 'prompt', prompt: ' a\n' } }],
  ['head:2.5=chat:hello', { kind: 'head', layer: 2, head: 5, source: { from: 'prompt', prompt: 'hello', chat: true } }],
  ['query:2.5=ids:4,5,6', { kind: 'query', layer: 2, head: 5, source: { from: 'prompt', prompt: [4, 5, 6] } }],
  ['key:0.1@4=own', { kind: 'key', layer: 0, head: 1, positions: { start: 4, end: 5 }, source: { from: 'own' } }],
  [
    'value:1.0=file:rows.safetensors',
    { kind: 'value', layer: 1, head: 0, source: { from: 'file', path: 'rows.safetensors' } },
  ],
  ['mlp:4=mean', { kind: 'mlp', layer: 4, source: { from: 'mean' } }],
  ['mlp:4=mean:a text', { kind: 'mlp', layer: 4, source: { from: 'mean', prompts: ['a text'] } }],
  ['residual:3=mean:["a",[1,2]]', { kind: 'residual', layer: 3, source: { from: 'mean', prompts: ['a', [1, 2]] } }],
  ['freeze:2.*,mlp3=own', { kind: 'freeze', parts: [{ layer: 2, head: 'all' }, { mlp: 3 }], source: { from: 'own' } }],
  [
    'freeze:*.*,mlp*,-2.5@0-4=prompt:b',
    {
      kind: 'freeze',
      parts: [{ layer: 'all', head: 'all' }, { mlp: 'all' }],
      except: [{ layer: 2, head: 5 }],
      positions: { start: 0, end: 5 },
      source: { from: 'prompt', prompt: 'b' },
    },
  ],
  ['phase:2.5=0', { kind: 'phase', layer: 2, head: 5, delta: 0, shift: 0 }],
  [
    'isolate:2.5,3.*:1-3,7/8-9/image=10000',
    {
      kind: 'isolate',
      heads: [
        { layer: 2, head: 5 },
        { layer: 3, head: 'all' },
      ],
      regions: [
        [
          { start: 1, end: 4 },
          { start: 7, end: 8 },
        ],
        [{ start: 8, end: 10 }],
        ['image'],
      ],
      beta: 10000,
    },
  ],
  [
    'isolate:*.*:1-3>8-9/0-1x2=2',
    {
      kind: 'isolate',
      heads: [{ layer: 'all', head: 'all' }],
      regions: [
        [{ start: 1, end: 4 }],
        [{ start: 8, end: 10 }],
        [{ rows: { start: 0, end: 2 }, columns: { start: 2, end: 3 } }],
      ],
      oneWay: true,
      beta: 2,
    },
  ],
  [
    'reposition:*:0-1x2>3-6x1-2',
    {
      kind: 'reposition',
      layers: ['all'],
      from: { rows: { start: 0, end: 2 }, columns: { start: 2, end: 3 } },
      to: { rows: { start: 3, end: 7 }, columns: { start: 1, end: 3 } },
    },
  ],
  [
    'reposition:0,2:1-2>4-7',
    { kind: 'reposition', layers: [0, 2], from: { start: 1, end: 3 }, to: { start: 4, end: 8 } },
  ],
  [
    'redistribute:*.*:columns>rest=0.6;alpha=5',
    {
      kind: 'redistribute',
      heads: [{ layer: 'all', head: 'all' }],
      from: { kind: 'columns', alpha: 5 },
      to: 'rest',
      share: 0.6,
    },
  ],
  [
    'redistribute:2.5,3.*:columns>rest=1;strength=0.1',
    {
      kind: 'redistribute',
      heads: [
        { layer: 2, head: 5 },
        { layer: 3, head: 'all' },
      ],
      from: { kind: 'columns', strength: 0.1 },
      to: 'rest',
      share: 1,
    },
  ],
  [
    'redistribute:2.*:states>image=0.6;tau=20;dimensions=1415+2533;rows=after;least=0.2;ratio=0.5',
    {
      kind: 'redistribute',
      heads: [{ layer: 2, head: 'all' }],
      from: { kind: 'states', tau: 20, dimensions: [1415, 2533] },
      to: ['image'],
      share: 0.6,
      rows: 'after',
      least: 0.2,
      ratio: 0.5,
    },
  ],
  [
    'redistribute:2.*:states>image+text=0.6;tau=12;region=1-4',
    {
      kind: 'redistribute',
      heads: [{ layer: 2, head: 'all' }],
      from: { kind: 'states', tau: 12 },
      to: 'image+text',
      share: 0.6,
      region: [{ start: 1, end: 5 }],
    },
  ],
  [
    'redistribute:0.1:0,7>0-1x2-3,9=0.25',
    {
      kind: 'redistribute',
      heads: [{ layer: 0, head: 1 }],
      from: {
        kind: 'positions',
        region: [
          { start: 0, end: 1 },
          { start: 7, end: 8 },
        ],
      },
      to: [
        { rows: { start: 0, end: 2 }, columns: { start: 2, end: 4 } },
        { start: 9, end: 10 },
      ],
      share: 0.25,
    },
  ],
  [
    'emphasis:*.*:image=0.5',
    { kind: 'emphasis', heads: [{ layer: 'all', head: 'all' }], keys: ['image'], factor: 0.5 },
  ],
  [
    'emphasis:1.2:3-4,7=-0.3;rows=all',
    {
      kind: 'emphasis',
      heads: [{ layer: 1, head: 2 }],
      keys: [
        { start: 3, end: 5 },
        { start: 7, end: 8 },
      ],
      factor: -0.3,
      rows: 'all',
    },
  ],
  [
    'add:*=1*file:vector.gguf',
    { kind: 'add', layers: ['all'], source: { from: 'file', path: 'vector.gguf' }, strength: 1 },
  ],
  [
    'add:4,9@3-7=-0.5*file:a*2=b:c.npy',
    {
      kind: 'add',
      layers: [4, 9],
      positions: { start: 3, end: 8 },
      source: { from: 'file', path: 'a*2=b:c.npy' },
      strength: -0.5,
    },
  ],
  ['low-rank:*=64', { kind: 'low-rank', layers: ['all'], rank: 64 }],
  ['low-rank:0,2=1', { kind: 'low-rank', layers: [0, 2], rank: 1 }],
  [
    'plan:*.*=4+64/1.0,1.3=full',
    {
      kind: 'plan',
      rules: [
        { heads: [{ layer: 'all', head: 'all' }], keep: { kind: 'recent', sinks: 4, recent: 64 } },
        {
          heads: [
            { layer: 1, head: 0 },
            { layer: 1, head: 3 },
          ],
          keep: { kind: 'full' },
        },
      ],
    },
  ],
  [
    'plan:2.0=kept(0-3,9);dense;n=40',
    {
      kind: 'plan',
      rules: [
        {
          heads: [{ layer: 2, head: 0 }],
          keep: {
            kind: 'kept',
            ranges: [
              { start: 0, end: 4 },
              { start: 9, end: 10 },
            ],
          },
        },
      ],
      prefill: 'dense',
      prompt: 40,
    },
  ],
  ['force-expert:3.5', { kind: 'force-expert', layer: 3, expert: 5 }],
  ['forbid-expert:3.5@2-8', { kind: 'forbid-expert', layer: 3, expert: 5, positions: { start: 2, end: 9 } }],
  [
    'bias-expert:0.11@4=-1.5',
    { kind: 'bias-expert', layer: 0, expert: 11, positions: { start: 4, end: 5 }, bias: -1.5 },
  ],
  [
    'units:3.0-9,12=0',
    {
      kind: 'units',
      layer: 3,
      units: [
        { start: 0, end: 10 },
        { start: 12, end: 13 },
      ],
      gain: 0,
    },
  ],
  [
    'moh:*=2+1/5=(0,3)+0',
    {
      kind: 'moh',
      rules: [
        { layer: 'all', shared: 2, active: 1 },
        { layer: 5, shared: [0, 3], active: 0 },
      ],
    },
  ],
  ['longheads:w=64,S=512', { kind: 'longheads', chunk: 64, budget: 512 }],
  [
    'longheads:w=16,S=64,begin=100,layers=1-3',
    { kind: 'longheads', chunk: 16, budget: 64, begin: 100, layers: { start: 1, end: 4 } },
  ],
  [
    'block-retrieval:2.5,3.*:B=32,k=4',
    {
      kind: 'block-retrieval',
      heads: [
        { layer: 2, head: 5 },
        { layer: 3, head: 'all' },
      ],
      block: 32,
      open: 4,
      by: 'mean',
    },
  ],
  [
    'block-retrieval:*.*:B=8,k=0,by=max,shared=group',
    {
      kind: 'block-retrieval',
      heads: [{ layer: 'all', head: 'all' }],
      block: 8,
      open: 0,
      by: 'max',
      shared: 'group',
    },
  ],
  ['phase:2.5@3-7=0', { kind: 'phase', layer: 2, head: 5, planes: { start: 3, end: 8 }, delta: 0, shift: 0 }],
  ['phase:2.5=-0.5,1.2', { kind: 'phase', layer: 2, head: 5, delta: -0.5, shift: 1.2 }],
  [
    'feature:12=0*file:sae',
    { kind: 'feature', feature: 12, factor: 0, strength: 0, source: { from: 'file', path: 'sae' } },
  ],
  [
    'feature:7@3-7=-0.5+1e-7*file:a b/sae.npz',
    {
      kind: 'feature',
      feature: 7,
      positions: { start: 3, end: 8 },
      factor: -0.5,
      strength: 1e-7,
      source: { from: 'file', path: 'a b/sae.npz' },
    },
  ],
  [
    'feature:7=1e-7-2.5*file:sae',
    { kind: 'feature', feature: 7, factor: 1e-7, strength: -2.5, source: { from: 'file', path: 'sae' } },
  ],
  [
    'reinforce:1,3@2-6=2,distance=cosine,seed=7',
    {
      kind: 'reinforce',
      alpha: 2,
      layers: [1, 3],
      removed: { kind: 'span', start: 2, end: 7 },
      distance: 'cosine',
      outliers: 'paper',
      positions: 'contiguous',
      heads: 'selected',
      normMatched: false,
      executor: 'in-graph',
      seed: 7,
    },
  ],
];

describe('interventions', () => {
  it('are read from their written form, and printed in it', () => {
    for (const [text, meaning] of forms) {
      assert.deepEqual(read(text), meaning, text);
      assert.equal(printDo(meaning), text);
    }
    assert.deepEqual(new Set(forms.map(([, { kind }]) => kind)), new Set(kindNames), 'a kind has no form here');
  });

  it('pass through JSON and their schema unchanged', () => {
    const list = forms.map(([, meaning]) => meaning);
    const checked = check(interventionsField, JSON.parse(JSON.stringify(list)));
    assert.deepEqual(checked, { ok: true, result: list });
  });

  it('have examples that can be used as they are', () => {
    for (const name of kindNames) assert.equal(read(kinds[name].example).kind, name);
  });

  it('take other spellings of a place', () => {
    assert.deepEqual(read('gain:L2H5 = .5'), { kind: 'gain', layer: 2, head: 5, gain: 0.5 });
    assert.deepEqual(read('mlp: L4 =zero'), { kind: 'mlp', layer: 4, source: { from: 'zero' } });
    assert.deepEqual(read('add: L4 = file:a.npy'), read('add:4=1*file:a.npy'));
    assert.deepEqual(read('reinforce:1-3,2=2'), read('reinforce:1,2,3=2'));
  });

  it('name every head of a layer, or of all, where * stands in its place', () => {
    const counts = { layers: 2, heads: 3, kvHeads: 1 };
    const each = (text: string): readonly string[] => {
      const read = parseEach(text, counts);
      assert.ok(read.ok, read.ok ? '' : read.why);
      return read.value.map(printDo);
    };
    assert.deepEqual(each('head:1.*=zero'), ['head:1.0=zero', 'head:1.1=zero', 'head:1.2=zero']);
    assert.deepEqual(each('gain:*.2=0'), ['gain:0.2=0', 'gain:1.2=0']);
    assert.equal(each('uniform:*.*').length, 6);
    assert.deepEqual(each('bias:1.*:3-9=-4'), ['bias:1.0:3-9=-4', 'bias:1.1:3-9=-4', 'bias:1.2:3-9=-4']);
    // Keys and values are those of key/value heads.
    assert.deepEqual(each('key:L*H*@2-3=mean'), ['key:0.0@2-3=mean', 'key:1.0@2-3=mean']);
    const source = { layers: 1, heads: 4, kvHeads: 4 };
    assert.deepEqual(
      ((found) => found.ok && found.value.map(printDo))(parseEach('encoder:head:0.*=zero', { ...counts, source })),
      [0, 1, 2, 3].map((head) => `encoder:head:0.${head}=zero`),
    );
    assert.deepEqual(parseEach('encoder:head:0.*=zero', counts), {
      ok: false,
      why: '"encoder:head:0.*=zero" changes an encoder, but the model is not an encoder-decoder. Leave "encoder:" out.',
    });
    // Changes of one head, and of a kind whose own form names several.
    assert.deepEqual(each('gain:1.2=0'), ['gain:1.2=0']);
    assert.deepEqual(each('freeze:1.*=zero'), ['freeze:1.*=zero']);
    for (const text of ['gain:1.*=much', 'gains:1.*=0', 'gain:*=0', 'mlp:*.*=zero'])
      assert.equal(parseEach(text, counts).ok, false, text);
  });

  it('are refused with the form that they take', () => {
    assert.match(
      refusal('twist:2.5=0'),
      /^"twist:2\.5=0" names no kind of intervention\. Write KIND:…, where KIND is one of gain, bias/,
    );
    assert.match(refusal('gain'), /^"" is no gain\. Write gain:L\.H=g, e\.g\. gain:2\.5=0\.$/);
    assert.match(refusal('gain:2.5=1e9'), /^"2\.5=1e9" is no gain: gain is not a number from -1000000 to 1000000\.$/);
    assert.match(refusal('weight:2.5:3=-1'), /weight is not a number from 0 to/);
    assert.match(refusal('encoder:gain:2.5=1e9'), /^"2\.5=1e9" is no gain: gain is not a number from/);
    assert.match(
      refusal('encoder:plan:*.*=1+2'),
      /^"plan:\*\.\*=1\+2" names no intervention that acts on an encoder\. Write encoder:KIND:…, where KIND is one of gain, bias/,
    );
    assert.match(refusal('encoder:encoder:gain:2.5=0'), /names no intervention that acts on an encoder/);
    for (const text of [
      'gain:2=0',
      'gain:2.5=0x1',
      'gain:2.5=',
      'bias:2.5=1',
      'bias:2.5:9-3=1',
      'bias:2.5:words=1',
      'weight:2.5:3-9',
      'uniform:2',
      'force-expert:2',
      'forbid-expert:2.5=1',
      'bias-expert:2.5',
      'bias-expert:2.5@=1',
      'unsuppress:2.1=1',
      'unsuppress:2',
      'isolate:2.5:1-3=1',
      'isolate:2:1-3/4=1',
      'isolate:2.5:1-3>4>5=1',
      'isolate:2.5:1-3>=1',
      'reposition:1:1-3',
      'reposition:1:1-3>0-1x2',
      'redistribute:*.*:columns>rest',
      'redistribute:*.*:columns>rest=0.5;tau=3',
      'redistribute:*.*:columns>rest=0.5;alpha=5;strength=0.1',
      'redistribute:*.*:rest>columns=0.5',
      'redistribute:2:0>rest=0.5',
      'emphasis:1.2:=1',
      'emphasis:1.2:3=1;rows=last',
      'add:x=file:a',
      'add:4=2*a.gguf',
      'add:4=*file:a',
      'add:4=2*zero',
      'add:4@=file:a',
      'low-rank:x=4',
      'low-rank:*',
      'plan:*.*',
      'plan:*.*=4',
      'plan:2=full',
      'plan:*.*=full;sparse',
      'head:2.5=nothing',
      'head:2.5@=zero',
      'head:2.5=prompt:',
      'head:2.5=ids:1,x',
      'head:2.5=mean:[]',
      'head:2.5=prompt:"open',
      'mlp:2.5=zero',
      'freeze:=own',
      'freeze:-2.5=own',
      'freeze:2=own',
      'reinforce:auto=two',
      'reinforce:auto=2,kind=gain',
      'reinforce:3-1=2',
    ]) {
      assert.match(refusal(text), /is no .*\. Write .*, e\.g\. /, text);
    }
    assert.match(refusal('reinforce:auto=2,distance=far'), /distance is not one of l2, squared/);
  });

  it('have a neutral value where one alone changes nothing', () => {
    const neutral = (text: string): boolean => {
      const one = read(text);
      return kindOf(one).neutral(one);
    };
    for (const text of [
      'gain:0.0=1',
      'bias:0.0:1=0',
      'weight:0.0:1=1',
      'head:0.0=own',
      'mlp:0=own',
      'freeze:*.*=own',
      'reinforce:auto=1',
      'unsuppress:0=0',
      'isolate:0.0:1/2=0',
      'isolate:0.0:1>2=0',
      'reposition:0:1-2>1-2',
      'redistribute:*.*:columns>rest=0',
      'emphasis:*.*:0=0',
      'plan:*.*=full',
      'bias-expert:0.0=0',
    ])
      assert.equal(neutral(text), true, text);
    for (const [text] of forms.filter(([form]) => !form.endsWith('own'))) assert.equal(neutral(text), false, text);
  });

  it('mean the same on any sequence where they name no position and no run', () => {
    const anywhere = (text: string): boolean => {
      const one = read(text);
      return kindOf(one).anywhere(one);
    };
    for (const text of [
      'gain:0.0=2',
      'uniform:0.0',
      'unsuppress:0=1',
      'head:0.0=zero',
      'mlp:0=mean',
      'freeze:*.*=mean:a',
      'plan:*.*=4+16',
      'redistribute:*.*:columns>rest=0.6',
    ])
      assert.equal(anywhere(text), true, text);
    for (const text of [
      'plan:0.0=kept(0-3)',
      'redistribute:*.*:0>rest=0.6',
      'redistribute:2.*:states>image=0.6',
      'redistribute:2.*:states>rest=0.6;least=0.2',
      'emphasis:*.*:image=0.5',
      'redistribute:*.*:columns>3=0.6',
      'emphasis:*.*:1=0.5',
      'bias:0.0:1=2',
      'weight:0.0:1=2',
      'head:0.0@1=zero',
      'head:0.0=own',
      'mlp:0=prompt:a',
    ])
      assert.equal(anywhere(text), false, text);
  });

  it('say what they do', () => {
    const [words, sentence] = [
      (text: string) => kindOf(read(text)).words(read(text)),
      (text: string) => kindOf(read(text)).sentence(read(text)),
    ];
    assert.equal(words('gain:2.5=0.5'), 'L2H5 x 0.5');
    assert.equal(sentence('gain:2.5=0'), 'The output of L2H5 is removed.');
    assert.equal(words('bias:2.5:3-9=-4'), 'L2H5 -4 on keys 3-9');
    assert.equal(
      sentence('head:2.5@3-7=prompt:x'),
      'The output of L2H5 is replaced by its value on “x” at the positions 3 to 7.',
    );
    assert.equal(
      sentence('freeze:2.*,mlp3,-2.1=own'),
      'The output of each of 2.*, mlp3 but 2.1 is held at its value in the plain run at every position.',
    );
    for (const [text, one] of forms) {
      assert.ok(kindOf(one).words(one).length < 100, text);
      assert.match(kindOf(one).sentence(one), /^[A-Z0-9-].*\.$/, text);
    }
  });

  it('a freeze names heads and MLPs, less those that are left out', () => {
    const freeze = read('freeze:1.*,mlp*,-1.2,-mlp0=own');
    assert.ok(freeze.kind === 'freeze');
    const held = [0, 1].flatMap((layer) => [
      ...[0, 1, 2].filter((head) => isFrozen(freeze, layer, head)).map((head) => `${layer}.${head}`),
      ...(isFrozen(freeze, layer) ? [`mlp${layer}`] : []),
    ]);
    assert.deepEqual(held, ['1.0', '1.1', 'mlp1']);
  });
});

describe('files of interventions', () => {
  const gains = [{ layer: 2, head: 5, gain: 0 }];
  const file = { kind: 'headscope-intervention', model: { name: 'm', hash: 'h', layers: 4, heads: 8 } };
  const why = (value: unknown): string => {
    const found = check(savedInterventions(), value, 'The file');
    return found.ok ? '' : found.why;
  };

  it('of today and of version 1 are read alike', () => {
    const interventions = [{ kind: 'gain', ...gains[0] }];
    for (const value of [
      { ...file, version: 2, interventions },
      { ...file, version: 1, gains },
      { kind: file.kind, gains },
    ]) {
      assert.deepEqual(check(savedInterventions(), value), { ok: true, result: interventions });
    }
    assert.deepEqual(
      check(savedInterventions(), {
        ...file,
        version: 1,
        gains: [],
        biases: [{ layer: 0, head: 1, start: 3, end: 10, bias: 2 }],
      }),
      {
        ok: true,
        result: [{ kind: 'bias', layer: 0, head: 1, keys: { start: 3, end: 10 }, bias: 2 }],
      },
    );
  });

  it('that are none are refused with the place that is wrong', () => {
    assert.match(
      why({ ...file, version: 3, interventions: [] }),
      /written in format 3, and this Headscope reads format 2/,
    );
    assert.match(why([]), /The file is not a JSON object/);
    assert.match(why({ kind: 'headscope-heads', interventions: [] }), /so this is not a saved intervention/);
    assert.match(
      why({ ...file, version: 2, interventions: [{ kind: 'gain', layer: 0 }] }),
      /interventions\[0\]\.head is/,
    );
    assert.match(
      why({ ...file, version: 2, interventions: [{ kind: 'twist' }] }),
      /interventions\[0\]\.kind is not one of gain, bias/,
    );
    assert.match(
      why({ ...file, version: 1, gains: [{ layer: 0, head: 0, gain: 1e9 }] }),
      /gains\[0\]\.gain is not a number from/,
    );
    assert.match(
      why({ ...file, version: 2, interventions: [{ kind: 'head', layer: 0, head: 0, source: { from: 'there' } }] }),
      /interventions\[0\]\.source\S* is not one of zero, mean/,
    );
  });
});

describe('docs/interventions.md and docs/cache-interventions.md', () => {
  const text = ['interventions', 'cache-interventions']
    .map((page) => readFileSync(resolve(__dirname, `../../../docs/${page}.md`), 'utf8'))
    .join('\n');

  it('documents every kind with its form, its example and its parameters', () => {
    const sections = text.split('\n## ').slice(1);
    const documented = new Map(sections.map((section) => [/^`([\w-]+)`/.exec(section)?.[1], section] as const));
    for (const name of kindNames) {
      const { form, example, meaning, parameters } = kinds[name];
      const section = documented.get(name) ?? '';
      assert.ok(section, `${name} has no section`);
      for (const part of [`\`${form}\``, `\`${example}\``, meaning]) {
        assert.ok(section.includes(part), `${name}: ${part}`);
      }
      const rows = section.split('\n').filter((line) => line.startsWith('| `'));
      assert.deepEqual(
        rows.map((row) =>
          row
            .split(/(?<!\\)\|/)
            .slice(1, 4)
            .map((cell) => cell.trim()),
        ),
        parameters.map((one) => [`\`${one.name}\``, one.takes, one.meaning]),
      );
    }
    const known: readonly string[] = kindNames;
    for (const name of documented.keys()) assert.ok(name === undefined || known.includes(name), `${name} is no kind`);
  });
});
