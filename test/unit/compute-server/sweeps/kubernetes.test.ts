/**
 * Sweeps on Kubernetes against a server on loopback that answers as the API server does: what it is sent, and what is made of its answers.
 * The objects are typed by the client; no cluster is run.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { V1Job, V1Pod } from '@kubernetes/client-node';
import type { Submission, SweepEngine, TaskResources, TaskState } from '../../../../compute-server/sweeps/engine';
import { kubernetesEngine } from '../../../../compute-server/sweeps/kubernetes/kubernetes-engine';
import { indexesIn } from '../../../../compute-server/sweeps/kubernetes/pod-states';
import { headscopeVersion } from '../../../../compute-server/version';
import type { SweepFile } from '../../../../protocol/sweeps/sweep-file';

interface Request {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly type: string;
}
type Answer = readonly [code: number, body: unknown];

/** As the API server writes what it refuses. */
const refused = (code: number, reason: string, message: string): Answer => [
  code,
  { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code },
];

const jobs = '/apis/batch/v1/namespaces/lab/jobs';
const pods = '/api/v1/namespaces/lab/pods';
const claim = '/api/v1/namespaces/lab/persistentvolumeclaims/shared';

describe('Kubernetes', () => {
  let folder: string;
  let server: Server;
  let requests: Request[];
  let answers: Map<string, (request: Request) => Answer>;
  const [kubeconfig, home] = [process.env['KUBECONFIG'], process.env['HOME']];

  const answer = (method: string, path: string, ...given: Answer): void =>
    void answers.set(`${method} ${path}`, () => given);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-kubernetes-'));
    mkdirSync(join(folder, 'a.headscope-sweep', 'engine'), { recursive: true });
    requests = [];
    answers = new Map();
    answer('GET', '/version', 200, { major: '1', minor: '33+', gitVersion: 'v1.33.1' });
    answer('GET', claim, 200, { spec: { accessModes: ['ReadWriteMany'] } });
    answer('POST', pods, 201, { kind: 'Pod', apiVersion: 'v1' });
    answers.set(`POST ${jobs}`, ({ body }) => [201, body]);
    server = createServer((request, response) => {
      const { method = '', url = '', headers } = request;
      let text = '';
      request.setEncoding('utf8').on('data', (part: string) => (text += part));
      request.on('end', () => {
        const { pathname, searchParams } = new URL(url, 'http://localhost');
        const body: unknown = text === '' ? undefined : JSON.parse(text);
        const asked = { method, path: pathname, query: searchParams, body, type: headers['content-type'] ?? '' };
        requests.push(asked);
        const missing = refused(404, 'NotFound', `${method} ${pathname} not found`);
        const [code, given] = answers.get(`${method} ${pathname}`)?.(asked) ?? missing;
        response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(given));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    login(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(async () => {
    for (const [name, value] of [
      ['KUBECONFIG', kubeconfig],
      ['HOME', home],
    ] as const) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  function login(address: string): void {
    process.env['KUBECONFIG'] = join(folder, 'kubeconfig');
    const lines = [
      'apiVersion: v1',
      'kind: Config',
      'current-context: one',
      `clusters: [{name: here, cluster: {server: "${address}", insecure-skip-tls-verify: true}}]`,
      'users: [{name: me, user: {token: secret}}]',
      'contexts: [{name: one, context: {cluster: here, user: me, namespace: lab}}]',
    ];
    writeFileSync(process.env['KUBECONFIG'], `${lines.join('\n')}\n`);
  }

  const resources: TaskResources = { threads: 2, gpus: 1, memoryBytes: 4 * 2 ** 30 };
  const sweepOf = (kubernetes: SweepFile['kubernetes'] = {}): SweepFile => ({
    ...{ kind: 'headscope-sweep', version: 1, run: 'ablation', engine: 'kubernetes' },
    kubernetes: { image: 'registry/headscope:1', volume: 'shared', mount: folder, ...kubernetes },
  });
  const engineOf = (kubernetes?: SweepFile['kubernetes'], outside?: string): SweepEngine =>
    kubernetesEngine(sweepOf(kubernetes), {
      folder: join(folder, 'a.headscope-sweep'),
      pathOutside: () => outside,
    });
  const submission = (changes: Partial<Submission> = {}): Submission => ({
    title: 'Which heads?',
    folder: join(folder, 'a.headscope-sweep'),
    number: 1,
    ownFolder: join(folder, 'a.headscope-sweep', 'engine'),
    command: ['/usr/bin/node', '/opt/cli.js', 'sweep', 'work', join(folder, "it's.headscope-sweep.yaml"), '1'],
    resources,
    stages: [
      { first: 0, count: 6, cellsOfTask: 2 },
      { first: 6, count: 1, cellsOfTask: 1 },
    ],
    tries: 3,
    ...changes,
  });
  const whyNot = async (engine: SweepEngine): Promise<string> => {
    const planned = await engine.plan(sweepOf(), resources);
    return planned.ok ? '' : planned.why;
  };
  const sent = (): readonly V1Job[] =>
    requests.filter(({ method, path }) => method === 'POST' && path === jobs).map(({ body }) => body as V1Job);

  it('is planned without anything being made, with as many pods at a time as the sweep says', async () => {
    assert.deepEqual(await engineOf({ pods: 3, tasks: 50 }).plan(sweepOf(), resources), {
      ok: true,
      capacity: { mostTasks: 50, atOnce: 3 },
    });
    const made = requests.filter(({ method }) => method === 'POST');
    assert.deepEqual(
      made.map(({ path, query }) => [path, query.get('dryRun')]),
      [
        [jobs, 'All'],
        [pods, 'All'],
      ],
    );
  });

  it('gets an Indexed Job for each stage, the second one suspended', async () => {
    const handle = await engineOf({
      ...{ nodeSelector: { gpu: 'a100' }, tolerations: ['nvidia.com/gpu'], pullSecrets: ['registry'] },
    }).submit(submission());
    const [first, second] = sent();
    assert.ok(first?.spec && second?.spec);
    const { spec } = first;
    assert.deepEqual(
      [spec.completionMode, spec.completions, spec.parallelism, spec.suspend, second.spec.suspend],
      ['Indexed', 6, 6, false, true],
    );
    // Three tries of each of the two cells of a task: the first start and five more.
    assert.deepEqual([spec.backoffLimitPerIndex, second.spec.backoffLimitPerIndex], [5, 2]);
    assert.deepEqual(spec.podFailurePolicy?.rules, [
      {
        action: 'FailIndex',
        onExitCodes: { containerName: 'headscope', operator: 'In', values: [94, 95, 96, 97, 98] },
      },
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
    ]);
    const pod = spec.template.spec;
    assert.deepEqual(
      [pod?.restartPolicy, pod?.nodeSelector, pod?.tolerations, pod?.imagePullSecrets],
      ['Never', { gpu: 'a100' }, [{ key: 'nvidia.com/gpu', operator: 'Exists' }], [{ name: 'registry' }]],
    );
    const [container] = pod?.containers ?? [];
    // 256 MiB for the process of Headscope beside the cell.
    assert.deepEqual(container?.resources, {
      requests: { cpu: '2', memory: '4352Mi', 'nvidia.com/gpu': '1' },
      limits: { memory: '4352Mi', 'nvidia.com/gpu': '1' },
    });
    assert.deepEqual(pod?.volumes, [{ name: 'sweep', persistentVolumeClaim: { claimName: 'shared' } }]);
    assert.deepEqual(container.volumeMounts, [{ name: 'sweep', mountPath: folder }]);
    assert.match(first.metadata?.name ?? '', /^headscope-which-heads-[0-9a-f]{8}-0$/u);
    assert.deepEqual(handle, {
      namespace: 'lab',
      stages: [
        { first: 0, count: 6, job: first.metadata?.name },
        { first: 6, count: 1, job: second.metadata?.name },
      ],
    });
  });

  it('runs the task of its index in the image, and says by its exit code what the pod lacks', async () => {
    await engineOf().submit(submission({ stages: [{ first: 4, count: 2, cellsOfTask: 1 }] }));
    const [, , script = ''] = sent()[0]?.spec?.template.spec?.containers[0]?.command ?? [];
    const bin = join(folder, 'bin');
    mkdirSync(bin);
    const run = (path = `${bin}${delimiter}${process.env['PATH'] ?? ''}`): number => {
      try {
        execFileSync('/bin/sh', ['-c', script], { env: { PATH: path, JOB_COMPLETION_INDEX: '1' }, stdio: 'ignore' });
        return 0;
      } catch (error) {
        return (error as { readonly status: number }).status;
      }
    };
    const image = (version: string): void =>
      writeFileSync(
        join(bin, 'headscope'),
        `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit 0; }\nprintf '%s|' "$@" >"${folder}/asked"\n`,
        { mode: 0o755 },
      );
    assert.equal(run(bin), 98);
    image('0.0.1');
    assert.equal(run(), 94);
    image(headscopeVersion);
    assert.equal(run(), 0);
    assert.equal(readFileSync(join(folder, 'asked'), 'utf8'), `sweep|work|${folder}/it's.headscope-sweep.yaml|1|5|`);
    rmSync(join(folder, 'a.headscope-sweep'), { recursive: true });
    assert.equal(run(), 97);
  });

  it('takes back what it gave where a later stage is refused, and finds a job whose answer did not come', async () => {
    const kept: V1Job[] = [];
    const deleted: string[] = [];
    answers.set(`POST ${jobs}`, ({ body }) => {
      const job = body as V1Job;
      if (job.spec?.suspend)
        return refused(403, 'Forbidden', 'exceeded quota: jobs, requested: 1, used: 9, limited: 9');
      kept.push(job);
      answer('GET', `${jobs}/${job.metadata?.name}`, 200, job);
      answers.set(`DELETE ${jobs}/${job.metadata?.name}`, ({ query }) => {
        deleted.push(`${job.metadata?.name} ${query.get('propagationPolicy')}`);
        return [200, { kind: 'Status' }];
      });
      return [504, { message: 'the request timed out' }];
    });
    await assert.rejects(
      engineOf().submit(submission()),
      /^Error: The namespace lab does not allow what a cell needs/u,
    );
    assert.deepEqual(deleted, [`${kept[0]?.metadata?.name} Foreground`]);
    const handle = await engineOf().submit(submission({ stages: [{ first: 0, count: 1, cellsOfTask: 1 }] }));
    assert.deepEqual(handle['stages'], [{ first: 0, count: 1, job: kept[1]?.metadata?.name }]);
  });

  const pod = (index: number, status: V1Pod['status'], created = '2026-12-01T10:00:00Z'): object => ({
    metadata: {
      name: `pod-${index}`,
      creationTimestamp: created,
      annotations: { 'batch.kubernetes.io/job-completion-index': String(index) },
    },
    spec: { nodeName: 'n3', containers: [] },
    status,
  });
  const ended = (exitCode: number, reason = 'Error'): V1Pod['status'] => ({
    phase: 'Failed',
    containerStatuses: [
      {
        name: 'headscope',
        image: '',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { terminated: { exitCode, reason } },
      },
    ],
  });
  const pulling: V1Pod['status'] = {
    phase: 'Pending',
    containerStatuses: [
      {
        ...{ name: 'headscope', image: '', imageID: '', ready: false, restartCount: 0 },
        state: { waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling image "registry/headscope:1"' } },
      },
    ],
  };
  const unscheduled: V1Pod['status'] = {
    phase: 'Pending',
    conditions: [
      {
        ...{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable' },
        message: '0/3 nodes are available: 3 Insufficient memory.',
      },
    ],
  };
  const wordsOf = (state: TaskState | undefined): string =>
    state?.state === 'died' ? state.reason : state?.state === 'waiting' ? (state.why ?? '') : '';

  it('says how tasks stand: succeeded, failed with the reason, running, waiting and for what, over all pages', async () => {
    const handle = { namespace: 'lab', stages: [{ first: 10, count: 10, job: 'job-a' }] };
    const status = { completedIndexes: '0,2-3', failedIndexes: '1,4,9' };
    answer('GET', `${jobs}/job-a`, 200, { spec: { suspend: false }, status });
    mkdirSync(join(folder, 'a.headscope-sweep/engine/logs'), { recursive: true });
    writeFileSync(join(folder, 'a.headscope-sweep/engine/logs/19.txt'), 'starting\nno space left on device\n');
    answers.set(`GET ${pods}`, ({ query }) => {
      assert.equal(query.get('labelSelector'), 'batch.kubernetes.io/job-name=job-a');
      if (query.get('continue') !== 'more') {
        const items = [pod(1, ended(137, 'OOMKilled')), pod(4, ended(97)), pod(5, { phase: 'Running' })];
        return [200, { kind: 'PodList', metadata: { continue: 'more' }, items }];
      }
      // The older pod of an index that was started again does not count.
      const again = [pod(8, { phase: 'Running' }, '2026-12-01T11:00:00Z'), pod(8, ended(1))];
      return [
        200,
        { kind: 'PodList', metadata: {}, items: [pod(6, pulling), pod(7, unscheduled), ...again, pod(9, ended(3))] },
      ];
    });
    const states = await engineOf().status(submission(), handle);
    assert.deepEqual(
      [...states].map(([task, { state }]) => `${task} ${state}`),
      [
        ...['10 ended', '11 died', '12 ended', '13 ended', '14 died', '15 running', '16 waiting', '17 waiting'],
        ...['18 running', '19 died'],
      ],
    );
    assert.match(wordsOf(states.get(11)), /^It exceeded the memory of its pod\. Raise resources\.memory\.$/u);
    assert.match(
      wordsOf(states.get(14)),
      /^The volume shared at \S+ does not hold \S+a\.headscope-sweep\. Put the sweep/u,
    );
    assert.match(wordsOf(states.get(16)), /cannot fetch the image registry\/headscope:1 .*Correct kubernetes\.image/u);
    assert.match(wordsOf(states.get(17)), /^No node takes it yet: .*3 Insufficient memory\. It starts when/u);
    assert.match(
      wordsOf(states.get(19)),
      /ended with exit code 3 on the node n3\. It said: no space left on device\.$/u,
    );
  });

  it('resumes the second stage when the first has ended, however it ended, and not before', async () => {
    const handle = {
      namespace: 'lab',
      stages: [
        { first: 0, count: 2, job: 'job-a' },
        { first: 2, count: 1, job: 'job-b' },
      ],
    };
    answer('GET', pods, 200, { kind: 'PodList', metadata: {}, items: [] });
    answer('GET', `${jobs}/job-b`, 200, { spec: { suspend: true }, status: {} });
    answer('PATCH', `${jobs}/job-b`, 200, { spec: { suspend: false } });
    const patches = (): readonly Request[] => requests.filter(({ method }) => method === 'PATCH');
    answer('GET', `${jobs}/job-a`, 200, { spec: { suspend: false }, status: { completedIndexes: '0' } });
    const before = await engineOf().status(submission(), handle);
    assert.deepEqual([before.get(1)?.state, before.get(2)?.state, patches().length], ['waiting', 'waiting', 0]);
    answer('GET', `${jobs}/job-a`, 200, { status: { completedIndexes: '0', failedIndexes: '1' } });
    const after = await engineOf().status(submission(), handle);
    assert.deepEqual([after.get(1)?.state, after.get(2)?.state], ['died', 'waiting']);
    assert.deepEqual(
      patches().map(({ body, type }) => [body, type]),
      [[[{ op: 'replace', path: '/spec/suspend', value: false }], 'application/json-patch+json']],
    );
  });

  it('is cancelled: its own jobs are deleted, and it waits for their pods', async () => {
    const own = { metadata: { annotations: { 'headscope/sweep': join(folder, 'a.headscope-sweep') } } };
    answer('GET', `${jobs}/job-a`, 200, own);
    answer('GET', `${jobs}/job-b`, 200, { metadata: { annotations: { 'headscope/sweep': '/elsewhere' } } });
    answer('DELETE', `${jobs}/job-a`, 200, { kind: 'Status' });
    let looks = 0;
    answers.set(`GET ${pods}`, () => [200, { items: (looks += 1) < 2 ? [pod(0, { phase: 'Running' })] : [] }]);
    const stages = ['job-a', 'job-b', 'job-gone'].map((job, first) => ({ first, count: 1, job }));
    await engineOf().cancel(submission(), { namespace: 'lab', stages });
    assert.equal(looks, 2);
    assert.deepEqual(
      requests.filter(({ method }) => method === 'DELETE').map(({ path }) => path),
      [`${jobs}/job-a`],
    );
  });

  it('says what is missing or not allowed, with a next step', async () => {
    const forbidden = 'jobs.batch is forbidden: User "me" cannot create resource "jobs" in API group "batch"';
    const cases: readonly (readonly [string, string, Answer, RegExp])[] = [
      ['POST', jobs, refused(403, 'Forbidden', forbidden), /^You may not create jobs in the namespace lab: .*Ask for/u],
      ['POST', jobs, refused(404, 'NotFound', 'namespaces "lab" not found'), /^The cluster has no namespace lab\./u],
      ['POST', jobs, refused(401, 'Unauthorized', 'Unauthorized'), /does not accept your credentials\. Log in/u],
      ['POST', jobs, refused(422, 'Invalid', 'Job.batch "x" is invalid'), /^Kubernetes refused the job: .*Correct/u],
      ['POST', jobs, [502, 'Bad Gateway'], /^Kubernetes could not create jobs \(502: .*Try again later/u],
      [
        'GET',
        claim,
        refused(404, 'NotFound', 'gone'),
        /^The namespace lab has no volume claim shared\. kubectl get pvc/u,
      ],
      [
        'GET',
        claim,
        [200, { spec: { accessModes: ['ReadOnlyMany'] } }],
        /^Pods cannot write to the volume claim shared/u,
      ],
      [
        ...(['POST', pods] as const),
        refused(
          403,
          'Forbidden',
          'pods "x" is forbidden: maximum memory usage per Container is 2Gi, but limit is 4352Mi',
        ),
        /^The namespace lab does not allow what a cell needs: .*Lower the values under resources/u,
      ],
      ['GET', '/version', [200, { major: '1', minor: '27', gitVersion: 'v1.27.3' }], /runs Kubernetes v1\.27\.3, but/u],
    ];
    for (const [method, path, given, says] of cases) {
      const before = answers.get(`${method} ${path}`);
      answer(method, path, ...given);
      assert.match(await whyNot(engineOf()), says);
      if (before) answers.set(`${method} ${path}`, before);
    }
    // Who may start jobs need not be allowed to read claims or to start pods.
    answer('GET', claim, ...refused(403, 'Forbidden', 'cannot get resource'));
    answer('POST', pods, ...refused(403, 'Forbidden', 'cannot create resource "pods"'));
    assert.equal(await whyNot(engineOf()), '');
  });

  it('says where it is not reached: no kubeconfig, a wrong one, no such context, nobody at the address', async () => {
    assert.match(await whyNot(engineOf({ context: 'two' })), /^The kubeconfig has no context two .*It has one: set/u);
    login('http://127.0.0.1:1');
    assert.match(await whyNot(engineOf()), /127\.0\.0\.1:1 does not answer \(ECONNREFUSED\)\. Check that kubectl/u);
    writeFileSync(join(folder, 'kubeconfig'), 'clusters: [');
    assert.match(await whyNot(engineOf()), /^The kubeconfig cannot be read: .*set KUBECONFIG to another one\.$/u);
    process.env['KUBECONFIG'] = '';
    process.env['HOME'] = folder;
    assert.match(await whyNot(engineOf()), /^There is no kubeconfig: KUBECONFIG is not set, and .* does not exist\./u);
  });

  it('is refused where the folder, a model or this machine is not on the volume', async () => {
    assert.match(
      await whyNot(engineOf({ mount: join(folder, 'gone') })),
      /^This machine has no folder \S+gone, where pods/u,
    );
    assert.match(await whyNot(engineOf({ mount: join(folder, 'a.headscope-sweep', 'engine') })), /pods do not see it/u);
    assert.match(await whyNot(engineOf({}, '/models/a')), /^\/models\/a is not below .* Put the sweep, its models/u);
    assert.deepEqual(requests, [], 'nobody was asked');
  });

  it('reads indexes as the status of a Job writes them', () => {
    assert.deepEqual([...indexesIn('1,3-5,7')], [1, 3, 4, 5, 7]);
    assert.deepEqual([...indexesIn(undefined)], []);
  });
});
