/** `headscope mcp` as an agent's client meets it: the client of the protocol's own library, over stdio. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import {
  ElicitRequestSchema,
  ListRootsRequestSchema,
  type CallToolResult,
  type Progress,
} from '@modelcontextprotocol/sdk/types.js';
import Ajv from 'ajv/dist/2020';
import { called, familyOf } from '../../../build/processes.mjs';
import { callAgentTool } from '../../../extension/agents/agent-call';
import { agentLaunch } from '../../../extension/agents/agent-launch';
import type { ComputeLaunch } from '../../../extension/platform/compute-process';
import { launchBrowser } from '../../support/host/browser';
import { shortDemoLm } from '../../support/demo-models';
import { patience } from '../../support/patience';

const cli = resolve('dist/cli.js');
const faulty =
  '{\n  "model_type": "llama",\n  "hidden_size": 64,\n  "num_attention_heads": 4,\n  "num_key_value_heads": 3\n}';
const onPrompt = { model: shortDemoLm, ids: '5,9,17,23,5,9,17,23', threads: 1 };

const benchmarkFixture = 'decode-2026-11-30.headscope-bench.json';
interface Benchmark {
  readonly plan: { readonly shape: object };
  readonly rows: { mechanism: string; length: number; ok: boolean; medianMs: number }[];
}

type Given = Readonly<Record<string, unknown>>;
type Fields = Readonly<Record<string, unknown>>;

class Agent {
  readonly client: Client;
  /** Questions to the person, and what the person says. */
  readonly asked: string[] = [];
  agrees = true;
  private transport: StdioClientTransport | undefined;

  constructor(can: { readonly roots?: readonly string[]; readonly elicitation?: true }) {
    const { roots, elicitation } = can;
    this.client = new Client(
      { name: 'test', version: '1' },
      { capabilities: { ...(roots ? { roots: {} } : {}), ...(elicitation ? { elicitation: {} } : {}) } },
    );
    if (roots) {
      const named = roots.map((folder) => ({ uri: pathToFileURL(folder).href }));
      this.client.setRequestHandler(ListRootsRequestSchema, () => ({ roots: named }));
    }
    if (elicitation) {
      this.client.setRequestHandler(ElicitRequestSchema, ({ params: { message } }) => {
        this.asked.push(message);
        return this.agrees ? { action: 'accept', content: {} } : { action: 'decline' };
      });
    }
  }

  async start(...words: readonly string[]): Promise<void> {
    const env = { ...(process.env as Record<string, string>), HEADSCOPE_CACHE_DIR: join(place, 'cache') };
    this.transport = new StdioClientTransport({ command: process.execPath, args: [cli, 'mcp', ...words], env });
    await this.client.connect(this.transport);
  }

  async call(
    name: string,
    given: Given = {},
    options: { onprogress?: (progress: Progress) => void; signal?: AbortSignal } = {},
  ): Promise<CallToolResult & { readonly said: string }> {
    const limits = { timeout: patience(60_000), resetTimeoutOnProgress: true };
    const answer = (await this.client.callTool({ name, arguments: given }, undefined, {
      ...limits,
      ...options,
    })) as CallToolResult;
    return { ...answer, said: answer.content.map((one) => (one.type === 'text' ? one.text : '')).join('\n') };
  }

  /** The sentence of a call that is refused. */
  async refused(name: string, given: Given = {}): Promise<string> {
    const { isError, said, structuredContent } = await this.call(name, given);
    assert.equal(isError, true, `${name} ${JSON.stringify(given)}: ${said}`);
    assert.equal(structuredContent, undefined);
    return said;
  }

  /** Processes that the server has started. */
  get children(): readonly string[] {
    const pid = this.transport?.pid ?? undefined;
    return pid === undefined
      ? []
      : familyOf({ root: pid })
          .filter((one) => one !== pid)
          .map(called);
  }
}

/** The whole result of an answer, in it or by its address. */
async function wholeOf({ client }: Agent, { structuredContent, content }: CallToolResult): Promise<Fields> {
  const uri = addressOf({ content });
  const [read] = (await client.readResource({ uri })).contents;
  assert.ok(read && 'text' in read);
  const whole = JSON.parse(read.text) as Fields;
  if (structuredContent?.['result'] === uri) assert.equal(structuredContent['characters'], read.text.length);
  else assert.deepEqual(structuredContent, whole);
  return whole;
}

const addressOf = ({ content }: Pick<CallToolResult, 'content'>): string => {
  const link = content.find((one) => one.type === 'resource_link');
  assert.ok(link?.type === 'resource_link' && link.uri.endsWith('.json'));
  return link.uri;
};

/** What the command prints for people and for programs. */
const command = (...words: readonly string[]): Fields => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [cli, ...words], { encoding: 'utf8' });
  assert.ok(status === 0 || status === 1, stderr);
  return JSON.parse(stdout) as Fields;
};

/** Without what differs from run to run. */
const lasting = ({ created: _, seconds: __, ...rest }: Fields): Fields => rest;

let place: string;

describe('headscope mcp', function () {
  this.timeout(patience(120_000));
  let root: string;
  let outside: string;
  let config: string;
  let agent: Agent;

  before(async () => {
    place = mkdtempSync(join(tmpdir(), 'headscope-mcp-'));
    [root, outside] = [join(place, 'open'), join(place, 'closed')];
    for (const folder of [root, outside]) {
      mkdirSync(join(folder, 'model'), { recursive: true });
      writeFileSync(join(folder, 'model', 'config.json'), faulty);
    }
    config = join(root, 'model', 'config.json');
    writeFileSync(join(outside, 'secret.txt'), 'closed');
    symlinkSync(outside, join(root, 'link'), 'junction');
    symlinkSync(join(outside, 'secret.txt'), join(root, 'secret-link.txt'));
    symlinkSync(join(outside, 'gone.txt'), join(root, 'gone-link.txt'));
    agent = new Agent({ roots: [root, shortDemoLm] });
    await agent.start();
  });
  after(async () => {
    await agent.client.close();
    rmSync(place, { recursive: true, force: true });
  });

  const sectionsOf = async (answer: CallToolResult) =>
    ((await wholeOf(agent, answer)) as { sections: { id: string; title: string }[] }).sections;

  it('lists its tools, whose schemas come from the tables of the commands', async () => {
    const { tools } = await agent.client.listTools();
    assert.deepEqual(
      tools.map(({ name }) => name),
      ['check', 'inspect', 'serve_cost', 'bench', 'heads', 'run', 'task', 'compare', 'catalogue'],
    );
    const ajv = new Ajv({ allowUnionTypes: true });
    for (const { name, inputSchema } of tools) assert.ok(ajv.compile(inputSchema), name);
    const properties = (name: string): Readonly<Record<string, Fields>> =>
      tools.find((one) => one.name === name)?.inputSchema.properties as Record<string, Fields>;
    const { lengths, pattern, memory } = properties('bench');
    assert.deepEqual([lengths?.['type'], lengths?.['default']], ['array', [512, 1024, 2048]]);
    assert.ok((pattern?.['enum'] as string[]).includes('causal-cross'));
    assert.equal(memory?.['type'], 'boolean');
    assert.ok((properties('run')['analysis']?.['enum'] as string[]).includes('copy-scores') === false);
    assert.ok((properties('run')['analysis']?.['enum'] as string[]).includes('ablation'));
    // What forces, splits or redirects a run is not for agents.
    for (const name of ['force', 'part', 'json', 'field', 'write-baseline', 'sarif']) {
      assert.ok(!tools.some((one) => Object.hasOwn(one.inputSchema.properties ?? {}, name)), name);
    }
    const reading = tools.filter(({ annotations }) => annotations?.readOnlyHint).map(({ name }) => name);
    assert.deepEqual(reading, ['inspect', 'compare', 'catalogue']);
  });

  it('says what each analysis, task and mechanism takes', async () => {
    const { structuredContent } = await agent.call('catalogue', { kind: 'mechanisms', id: 'sliding-window' });
    const { parameters } = structuredContent as { parameters: { properties: Record<string, Fields> } };
    assert.equal(parameters.properties['window']?.['type'], 'integer');
    assert.match((await agent.call('catalogue')).said, /^ablation: /m);
    assert.match(await agent.refused('catalogue', { id: 'nothing' }), /There is no "nothing" in analyses/);
  });

  it('checks, inspects and estimates as the command line does', async () => {
    const checked = await agent.call('check', { paths: ['model'] });
    const asCommand = command('check', join(root, 'model'), '--format', 'json');
    assert.deepEqual(checked.structuredContent, asCommand);
    assert.match(checked.said, /config\.json:5:\d+: error: .*\(\S+\)/);

    const inspected = await agent.call('inspect', { model: shortDemoLm });
    assert.deepEqual(
      lasting(inspected.structuredContent as Fields),
      lasting(command('inspect', shortDemoLm, '--json', '-')),
    );
    // Keys and values of 4 layers, 4 heads of 32, in float32.
    assert.equal(inspected.structuredContent?.['kvBytesPerToken'], 2 * 4 * 4 * 32 * 4);

    const served = await agent.call('serve_cost', { model: shortDemoLm, batch: 4, 'weights-bits': '8' });
    const words = ['inspect', shortDemoLm, '--serve', '--batch', '4', '--weights-bits', '8', '--json', '-'];
    assert.deepEqual(lasting(served.structuredContent as Fields), lasting(command(...words)));
    assert.deepEqual(agent.children, [], 'nothing runs for it');
  });

  it('looks at heads with progress, keeps the whole result, and compares two', async () => {
    const steps: Progress[] = [];
    const given = { ...onPrompt, classify: false };
    const looked = await agent.call('heads', given, { onprogress: (step) => steps.push(step) });
    assert.ok(steps.length > 0 && steps.every((step, at) => step.progress > (steps[at - 1]?.progress ?? 0)));
    assert.ok(steps.every(({ progress, total, message }) => progress <= (total ?? 0) && message !== ''));
    const whole = await wholeOf(agent, looked);
    const words = ['heads', shortDemoLm, '--ids', onPrompt.ids, '--threads', '1', '--no-classify', '--json', '-'];
    assert.deepEqual(lasting(whole), lasting(command(...words)));
    // As the card of the model says, L0H6 attends to the previous token.
    const { previousToken } = whole['statistics'] as { previousToken: number[][] };
    const [first = []] = previousToken;
    assert.equal(first.indexOf(Math.max(...first)), 6);

    const other = await agent.call('heads', { ...given, gain: ['0.6=0'] });
    const beside = await agent.call('compare', { result: addressOf(other), other: addressOf(looked) });
    assert.match(beside.said, /Not the same: interventions \(L0H6 x 0, there none\)/);
    assert.equal((await sectionsOf(beside))[0]?.title, 'Change of each head');

    const plain = { analysis: 'heads', ...onPrompt, param: { labels: false } };
    const one = await agent.call('run', plain);
    const two = await agent.call('run', { ...plain, gain: ['0.6=0'] });
    const compared = await agent.call('compare', { result: addressOf(two), other: addressOf(one) });
    assert.match(compared.said, /Not the same: interventions \(L0H6 x 0, there none\)/);
    assert.equal((await sectionsOf(compared))[0]?.title, 'Change of each head');
    // A result of the tool `heads` is one of the analysis of that name.
    assert.match(
      (await agent.call('compare', { result: addressOf(looked), other: addressOf(one) })).said,
      /Made with the same settings on the same device\./,
    );
    assert.match(
      await agent.refused('compare', { result: 'headscope://results/999.json', other: addressOf(one) }),
      /not kept/,
    );
  });

  it('compares two benchmarks by their times, and refuses what is of other work or another kind', async () => {
    const fixture = (name: string): string => readFileSync(`test/fixtures/results/${name}`, 'utf8');
    const saved = JSON.parse(fixture(benchmarkFixture)) as Benchmark;
    const { plan } = saved;
    const first: Benchmark = {
      ...saved,
      plan: { ...plan, shape: { ...plan.shape, lengths: [128, 256] } },
      rows: [...saved.rows, ...saved.rows.map((row) => ({ ...row, length: 256 }))],
    };
    const write = (name: string, result: unknown): string => {
      const file = join(root, name);
      writeFileSync(file, typeof result === 'string' ? result : JSON.stringify(result));
      return file;
    };
    // Twice the time of one mechanism at one length, all else the same.
    const longest = first.rows.at(-1);
    assert.ok(longest);
    const slower = first.rows.map((row) => (row === longest ? { ...row, medianMs: 2 * row.medianMs } : row));
    const result = write('slower.json', { ...first, rows: slower });
    const other = write('first.json', first);
    const compared = await agent.call('compare', { result, other });
    assert.match(
      compared.said,
      new RegExp(`^Most changed is ${longest.mechanism}, 2\\.00x slower than in the other result at 256 tokens`),
    );
    const [chart, table] = (await sectionsOf(compared)) as unknown as { kind: string; rows: (string | number)[][] }[];
    assert.equal(chart?.kind, 'chart');
    assert.deepEqual(
      table?.rows.filter((row) => row.at(-1) !== 1),
      [[longest.mechanism, longest.length, 2 * longest.medianMs, longest.medianMs, 2]],
    );
    assert.equal(table?.rows.length, first.rows.filter(({ ok, medianMs }) => ok && medianMs).length);

    const wider = { ...first, plan: { ...first.plan, shape: { ...first.plan.shape, batch: 7 } } };
    for (const [against, sentence] of [
      [write('wider.json', wider), /measured something else: batch \(\d+, there 7\)/],
      [
        write('heads.json', fixture('causal.headscope-heads.json')),
        /^A benchmark cannot be compared with a result of heads\./,
      ],
      [
        write('module.json', fixture('summary.headscope-module.json')),
        /^A benchmark cannot be compared with a run of a module\./,
      ],
      [write('none.json', '{"rows": []}'), /is no result of the tools run, heads, task or bench/],
      [write('broken.json', '{'), /is not valid JSON/],
      [join(root, 'gone.json'), /cannot be read/],
    ] as const) {
      assert.match(await agent.refused('compare', { result, other: against }), sentence);
    }
    const modules = { result: join(root, 'module.json'), other: join(root, 'module.json') };
    assert.match(await agent.refused('compare', modules), /are compared in their panel/);
  });

  it('gives each result as a page that is drawn as in the panels, and loads nothing', async () => {
    writeFileSync(join(root, 'one.json'), readFileSync(`test/fixtures/results/${benchmarkFixture}`));
    const [heads, run, bench, compare, inspect] = [
      await agent.call('heads', { ...onPrompt, classify: false }),
      await agent.call('run', { ...onPrompt, analysis: 'qk-rank' }),
      await agent.call('bench', { mechanisms: 'tiled', lengths: [16, 32], seconds: 0.1, threads: 1, memory: false }),
      await agent.call('compare', { result: 'one.json', other: 'one.json' }),
      await agent.call('inspect', { model: shortDemoLm }),
    ];
    const charts = ['time', 'ratio', 'memory', 'roofline', 'error'];
    const pages = [
      { answer: heads, shown: ['heads', 'last-query'], pictures: 1 },
      { answer: run, shown: (await sectionsOf(run)).map(({ id }) => id), pictures: 3 },
      { answer: bench, shown: charts, pictures: 5 },
      { answer: compare, shown: ['times'], pictures: 0 },
      { answer: inspect, shown: [], pictures: 0 },
    ];
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark' });
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
      });
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('request', (request) => {
        if (!/^(file|data|blob):/.test(request.url())) complaints.push(`request to ${request.url()}`);
      });
      for (const [at, { answer, shown, pictures }] of pages.entries()) {
        const link = answer.content.find((one) => one.type === 'resource_link' && one.mimeType === 'text/html');
        assert.ok(link?.type === 'resource_link');
        assert.deepEqual(link.annotations?.audience, ['user']);
        const [read] = (await agent.client.readResource({ uri: link.uri })).contents;
        assert.ok(read && 'text' in read);
        // The docs say about 1.4 MB and the result.
        assert.ok(read.text.length < 1_500_000, String(read.text.length));
        const file = join(place, `page-${at}.html`);
        writeFileSync(file, read.text);
        await page.goto(pathToFileURL(file).href);
        // What is not drawn is text.
        await page.locator(shown.length > 0 ? '#root > .notebook' : '#root pre').waitFor();
        const drawn = page.locator('#root [data-section], #root hs-chart-card');
        const ids = await drawn.evaluateAll((all) =>
          all.map((one) => one.getAttribute('data-section') ?? one.getAttribute('data-chart')),
        );
        assert.deepEqual(ids, shown);
        if (pictures > 0) await page.locator(`#root canvas >> nth=${pictures - 1}`).waitFor();
        assert.equal(await page.locator('#root canvas').count(), pictures);
        if (shown.length === 0) continue;
        const ground = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
        assert.equal(await ground(), 'rgb(31, 31, 31)');
        await page.emulateMedia({ colorScheme: 'light' });
        await page.locator('body.vscode-light').waitFor();
        assert.equal(await ground(), 'rgb(255, 255, 255)');
        await page.setViewportSize({ width: 300, height: 800 });
        await page.locator('#root > .compact').waitFor();
        assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 300);
        await page.emulateMedia({ colorScheme: 'dark' });
        await page.setViewportSize({ width: 1280, height: 800 });
      }
      assert.deepEqual(complaints, []);
    } finally {
      await browser.close();
    }
  });

  it('ends a run that is cancelled, and goes on', async () => {
    const controller = new AbortController();
    const long = { mechanisms: 'tiled', lengths: [1024, 2048], seconds: 60, threads: 1, memory: false, confirm: true };
    const run = agent.call('bench', long, { onprogress: () => controller.abort(), signal: controller.signal });
    await assert.rejects(run);
    assert.match((await agent.call('task', { task: 'induction', samples: 1 })).said, /^Induction, 1 prompts/);
    while (agent.children.length > 0) await pause(50);
  });

  it('runs nothing that takes long or writes before it is agreed to', async () => {
    const before = readFileSync(config, 'utf8');
    const save = join(root, 'result.json');
    const conversion = { analysis: 'amp', model: shortDemoLm, task: 'induction', samples: 2, threads: 1 };
    for (const [name, given, reason] of [
      ['bench', {}, /It takes about \d+ (seconds|minutes)/],
      ['run', { analysis: 'toy-circuits' }, /It trains a model/],
      ['run', { ...conversion, param: { folder: join(root, 'made') } }, /It writes a model to .*made\./],
      ['check', { paths: ['model'], fix: true }, /It changes configurations in .*model/],
      ['heads', { ...onPrompt, classify: false, save }, /It writes its result to .*result\.json/],
    ] as const) {
      const said = await agent.refused(name, given);
      assert.match(said, reason);
      assert.match(said, /Nothing was run yet\. .*"confirm": true/);
    }
    assert.equal(readFileSync(config, 'utf8'), before);
    assert.deepEqual([existsSync(save), existsSync(join(root, 'made'))], [false, false]);

    const saved = await agent.call('heads', { ...onPrompt, classify: false, save, confirm: true });
    assert.deepEqual(JSON.parse(readFileSync(save, 'utf8')), await wholeOf(agent, saved));
    // A file of a person's is not replaced, whoever confirms it.
    writeFileSync(save, '{"mine": 1}');
    const again = { ...onPrompt, classify: false, save, confirm: true };
    assert.match(await agent.refused('heads', again), /It is there already/);
    assert.equal(readFileSync(save, 'utf8'), '{"mine": 1}');
  });

  it('refuses wrong parameters with a sentence, and runs nothing', async () => {
    for (const [name, given, sentence] of [
      ['nothing', {}, /There is no tool "nothing"\. There are check, /],
      ['check', {}, /check needs "paths"/],
      ['inspect', { model: shortDemoLm, dept: 1 }, /inspect has no parameter "dept"\. It takes model, base/],
      ['inspect', { model: { a: 1 } }, /"model" takes a text, not \{"a":1\}/],
      ['inspect', { model: '' }, /"model" is empty/],
      ['serve_cost', { model: shortDemoLm, batch: 0 }, /"batch": .*whole number from 1/],
      ['bench', { memory: 'no' }, /"memory" takes true or false/],
      ['bench', { pattern: 'sideways' }, /"pattern": .*causal-self/],
      ['bench', { lengths: ['many'] }, /"lengths": /],
      ['bench', { param: { 'sliding-window.window': 0 } }, /must be a whole number from/],
      ['bench', { param: ['a'] }, /"param" takes an object/],
      ['heads', { ...onPrompt, prompt: 'both' }, /exactly one of/],
      ['run', { analysis: 'nothing', model: shortDemoLm }, /There is no analysis "nothing"/],
      ['task', { task: 'a.headscope-task.ts', model: shortDemoLm }, /Agents run no task files of code/],
      ['run', { ...onPrompt, analysis: 'heads', param: { labels: 'yes' } }, /"param.labels" must be true or false/],
      ['run', { ...onPrompt, analysis: 'heads', param: { wrong: 1 } }, /"param" has no "wrong"\. It takes labels/],
    ] as const) {
      assert.match(await agent.refused(name, given), sentence, `${name} ${JSON.stringify(given)}`);
    }
    await assert.rejects(agent.client.readResource({ uri: 'headscope://results/999.json' }), /not kept any more/);
    assert.deepEqual(agent.children, []);
  });

  it('refuses files outside the folders that are open', async () => {
    const rows = join(root, 'rows.json');
    const source = { from: 'file', path: join(outside, 'rows.gguf') };
    const fromElsewhere = { kind: 'add', layers: [1], strength: 1, source };
    const saved = { kind: 'headscope-intervention', version: 2, interventions: [fromElsewhere] };
    writeFileSync(rows, JSON.stringify({ ...saved, model: { name: 'm', hash: 'h', layers: 4, heads: 8 } }));
    const elsewhere = /is outside the folders that are open/;
    for (const [name, given] of [
      ['inspect', { model: join(outside, 'model') }],
      ['inspect', { model: '../closed/model' }],
      ['inspect', { model: 'link/model' }],
      ['check', { paths: ['model', 'link'] }],
      ['heads', { model: shortDemoLm, 'prompt-file': 'link/secret.txt' }],
      ['heads', { model: shortDemoLm, 'prompt-file': 'secret-link.txt' }],
      ['heads', { ...onPrompt, adapter: outside }],
      ['heads', { ...onPrompt, classify: false, 'do-file': [rows] }],
      ['run', { model: shortDemoLm, analysis: 'plan-evaluation', param: { plan: '../closed/secret.txt' } }],
      ['run', { analysis: 'toy-circuits', param: { folder: join(outside, 'made') }, confirm: true }],
      ['task', { task: 'needle-grid', param: { haystack: 'link/secret.txt' } }],
      ['bench', { save: 'gone-link.txt', confirm: true }],
      ['heads', { ...onPrompt, save: 'link/result.json', confirm: true }],
      ['heads', { ...onPrompt, classify: false, do: [`add:1=1*file:${source.path}`] }],
      ['run', { ...onPrompt, analysis: 'heads', resume: join(outside, 'steps'), confirm: true }],
      ['run', { model: shortDemoLm, analysis: 'quantisation-damage', against: outside }],
      ['task', { task: join(outside, 'own.jsonl') }],
      ['compare', { result: 'link/secret.txt', other: 'link/secret.txt' }],
      ['compare', { result: 'secret-link.txt', other: '../closed/secret.txt' }],
    ] as const) {
      const sentence = await agent.refused(name, given);
      assert.match(sentence, elsewhere, `${name} ${JSON.stringify(given)}: ${sentence}`);
    }
    // What a folder leads out to is not read either.
    const { said, structuredContent } = await agent.call('check', { paths: ['.'] });
    assert.match(said, /link:1:1: error: Not checked\. It is a link to a folder elsewhere/);
    const { files } = structuredContent as { files: { checked: boolean }[] };
    assert.equal(files.filter(({ checked }) => checked).length, 1);
    assert.deepEqual(readdirSync(outside).sort(), ['model', 'secret.txt']);
  });

  it('asks the person where the client can, and takes the answer', async () => {
    const asking = new Agent({ elicitation: true });
    await asking.start('--root', root, '--root', shortDemoLm);
    try {
      asking.agrees = false;
      // The agent's own word does not stand for that of the person.
      assert.match(await asking.refused('bench', { confirm: true }), /did not agree, so nothing was run/);
      assert.match(asking.asked[0] ?? '', /^It takes about .* Run it\?$/);
      asking.agrees = true;
      const save = join(root, 'asked.json');
      await asking.call('task', { task: 'induction', samples: 1, save });
      assert.match(asking.asked[1] ?? '', /^It writes its result to .*asked\.json\. Run it\?$/);
      assert.ok(existsSync(save));
    } finally {
      await asking.client.close();
    }
  });

  it('inspects only, where nothing else is allowed', async () => {
    const reader = new Agent({});
    await reader.start('--inspect-only', '--root', root, '--root', shortDemoLm);
    try {
      assert.equal((await reader.call('inspect', { model: shortDemoLm })).isError, undefined);
      assert.match((await reader.call('check', { paths: ['model'] })).said, /config\.json:5/);
      for (const [name, given] of [
        ['bench', { confirm: true }],
        ['heads', { ...onPrompt, confirm: true }],
        ['run', { analysis: 'toy-circuits', confirm: true }],
        ['task', { task: 'induction', model: shortDemoLm }],
        ['serve_cost', { model: shortDemoLm, measure: true }],
        ['serve_cost', { model: shortDemoLm, 'device-profile': 'measured' }],
        ['check', { paths: ['model'], fix: true, confirm: true }],
      ] as const) {
        assert.match(await reader.refused(name, given), /Only inspection is allowed here/, name);
      }
      assert.deepEqual(reader.children, []);
    } finally {
      await reader.client.close();
    }
  });

  it('answers the extension, which calls one tool without the library of the protocol', async () => {
    const launch: ComputeLaunch = {
      module: cli,
      nodePath: process.execPath,
      device: 'cpu',
      weights: 'as-stored',
      cacheWeights: 0,
      runtimeFolder: '',
      threads: 1,
      memoryLimit: 0,
      deviceMemory: '',
      cacheFolder: place,
      log: () => {},
    };
    const places = { roots: [shortDemoLm, join(place, 'gone')], trusted: false };
    const shell = { ...process.env, HEADSCOPE_WEIGHTS: 'q4', NODE_OPTIONS: '--inspect' };
    const made = agentLaunch(launch, places, shell);
    assert.deepEqual(made.args, [cli, 'mcp', '--inspect-only', `--root=${shortDemoLm}`]);
    const { HEADSCOPE_WEIGHTS, NODE_OPTIONS, HEADSCOPE_THREADS, PATH } = made.env;
    assert.deepEqual([HEADSCOPE_WEIGHTS, NODE_OPTIONS, HEADSCOPE_THREADS, PATH], [null, null, '1', undefined]);

    const never = new AbortController().signal;
    const { text, json, failed } = await callAgentTool(made, 'inspect', { model: '.' }, never);
    assert.equal(failed, false);
    assert.match(text, /^attention +GQA, 8 query heads on 4 key\/value heads of 32$/m);
    assert.equal((json as Fields)['kvBytesPerToken'], 4096);
    const refused = await callAgentTool(made, 'inspect', { model: outside }, never);
    assert.ok(refused.failed && /outside the folders that are open/.test(refused.text));
    await assert.rejects(callAgentTool(made, 'inspect', { model: '.' }, AbortSignal.abort()), { name: 'AbortError' });
    const broken = { ...made, args: [join(place, 'gone.js')] };
    await assert.rejects(callAgentTool(broken, 'inspect', {}, never), /ended early\. .*gone\.js/s);
  });

  it('says which folder is none', () => {
    const { status, stderr } = spawnSync(process.execPath, [cli, 'mcp', '--root', 'nowhere'], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /nowhere \(--root\) is not a folder/);
  });
});
