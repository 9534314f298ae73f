/** The walkthrough, declared once: `npm run manifest` writes package.json from it. */
import { exampleIsOpen } from './views';

export interface WalkthroughStep {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly svg: string;
  readonly altText: string;
  readonly completionEvents: readonly string[];
  /** Shown only then. */
  readonly when?: string;
}

export const walkthrough = {
  id: 'headscope.start',
  title: 'Start with Headscope',
  description:
    'See what the heads of a model do and what they look at, inspect its configuration, benchmark its attention.',
  steps: [
    {
      id: 'heads',
      title: 'See what the heads of a model do',
      description: [
        'A small model comes with Headscope and is ready: run it on a prompt, see which token each head reads, switch a head off and see what the model then says. A model of your own is a folder with a config.json and its .safetensors files. It is opened as it is; nothing is converted and nothing leaves this machine. The setting headscope.models.folders lists folders outside the workspace.',
        '[Run the Demo Model](command:headscope.showHeads)',
      ].join('\n'),
      svg: 'docs/walkthrough/heads.svg',
      altText: 'A grid of small attention pictures, one a head, with one head switched off',
      completionEvents: ['onCommand:headscope.showHeads'],
    },
    {
      id: 'inspect',
      title: 'See what a configuration says',
      description: [
        "Open a model's config.json: what its attention is, what it costs and what is wrong are shown in the file. Hover over a field for what follows from it; the Models view lists every model of the workspace, those that run first.",
        '[Show the Models](command:headscope.models.focus)',
      ].join('\n'),
      svg: 'docs/walkthrough/inspect.svg',
      altText: 'A configuration with a squiggle under a key/value head count that does not divide the heads',
      completionEvents: ['onView:headscope.models'],
    },
    {
      id: 'example',
      title: 'Try it on examples',
      description: [
        'The example workspace has a configuration with two faults, a finished benchmark, and the configurations of well-known models.',
        '[Open the Example Workspace](command:headscope.openExample)',
      ].join('\n'),
      svg: 'docs/walkthrough/inspect.svg',
      altText: 'A configuration with a squiggle under a key/value head count that does not divide the heads',
      completionEvents: ['onCommand:headscope.openExample'],
      when: `!${exampleIsOpen}`,
    },
    {
      id: 'benchmark',
      title: 'Benchmark attention kernels on this machine',
      description: [
        "Each kernel is checked against a float64 reference before it is timed, and compared with the runtime's own best. The shape can be taken from a model configuration.",
        '[Benchmark Attention Kernels](command:headscope.benchmarkKernels)',
      ].join('\n'),
      svg: 'docs/walkthrough/benchmark.svg',
      altText: 'Time over sequence length of three kernels, with the length from which one becomes faster',
      completionEvents: ['onCommand:headscope.benchmarkKernels', 'onCommand:headscope.benchmarkConfig'],
    },
    {
      id: 'hallucination',
      title: 'Find the heads behind a hallucination',
      description: [
        'Choose a model that reads pictures, a picture and a prompt: which heads look at the picture, which words of the caption were said without looking, and what reinforcing those heads changes. A folder of pictures with their objects gives the scores of the captions. examples/models/demo-vlm is a small model that hallucinates.',
        '[Show Hallucination Heads](command:headscope.showHallucination)',
      ].join('\n'),
      svg: 'docs/walkthrough/hallucination.svg',
      altText:
        'A picture with the patches that a head looks at, and its caption with one word that is not in the picture',
      completionEvents: ['onCommand:headscope.showHallucination'],
    },
    {
      id: 'analyses',
      title: 'Answer a question about a model',
      description: [
        'Each analysis answers one question about a model, with the method of a paper, the controls it needs and what limits the answer. Every run is kept: the history has it, and the Models view lists it below its model. Two of them can be compared.',
        '[Run an Analysis…](command:headscope.runAnalysis)',
        '[Show the Questions](command:headscope.analyses.focus)',
      ].join('\n'),
      svg: 'docs/walkthrough/analyses.svg',
      altText:
        'The list of analyses with a saved run below one of them, and its result with intervals beside a control',
      completionEvents: ['onCommand:headscope.runAnalysis'],
    },
  ],
} as const satisfies {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly steps: readonly WalkthroughStep[];
};
