import { Component, type ReactNode } from 'react';

interface Props {
  /** What is shown where the children fail. */
  otherwise: ReactNode;
  children: ReactNode;
}

/** Something that can be shown in a simpler way when it cannot be shown well. */
export class Otherwise extends Component<Props, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError(): { hasFailed: boolean } {
    return { hasFailed: true };
  }

  override render(): ReactNode {
    return this.state.hasFailed ? this.props.otherwise : this.props.children;
  }
}
