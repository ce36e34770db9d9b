//! The state that one event leaves to the next.

use crate::support::{Function, until};

#[test]
fn loads_the_file_once_and_leaks_nothing_from_event_to_event() {
    let code = "loaded=$RANDOM$RANDOM\n\
                handler() { echo \"$loaded ${seen:-none} ${EXPORTED:-none}\"; seen=1; export EXPORTED=1; set +e; }";
    let function = Function::bash(code).start();
    let first = function.text("{}");
    assert!(first.ends_with(" none none"), "{first}");
    assert_eq!(function.text("{}"), first);
}

#[test]
fn a_child_in_the_background_neither_delays_an_answer_nor_writes_into_a_later_one() {
    let code = "handler() {\n\
                  if [[ $1 == first ]]; then\n\
                    (until [[ -e go ]]; do sleep 0.01; done; echo late; touch wrote) &\n\
                    echo now\n\
                  else\n\
                    touch go; until [[ -e wrote || -e gone ]]; do sleep 0.01; [[ -d /proc/$(<pid) ]] || touch gone; done\n\
                    echo later\n\
                  fi\n\
                }";
    let code = code.replace("&\n", "& echo $! >pid\n");
    let function = Function::bash(&code).start();
    assert_eq!(function.text("first"), "now");
    assert_eq!(function.text("second"), "later");
}

#[test]
fn takes_no_output_after_the_end_of_the_handler() {
    let code = "handler() { (while :; do echo late; done) & printf answer; }";
    let function = Function::bash(code).start();
    for _ in 0..20 {
        let answer = function.text("{}");
        assert!(answer.replace("late\n", "").trim_end_matches(['l', 'a', 't', 'e']) == "answer", "{answer}");
    }
    until("the end of the children", || function.children().len() == 1);
}

#[test]
fn reaps_what_handlers_leave_behind() {
    let function = Function::bash("handler() { for i in {1..20}; do sleep 0 & done; }").start();
    for _ in 0..3 {
        function.answer("{}");
    }
    until("the end of all but the worker", || function.children().len() == 1);
}
