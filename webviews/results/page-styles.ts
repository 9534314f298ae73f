import { css } from 'lit';

export const pageStyles = css`
  body {
    background: var(--vscode-editor-background);
  }
  .notebook {
    max-width: 1180px;
    margin: 0 auto;
    padding: 16px 20px 32px;
  }
  .notebook.compact {
    padding: 8px 12px 16px;
  }
`;
