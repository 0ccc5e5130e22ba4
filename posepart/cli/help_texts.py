"""What `posepart --help` and the --help of its commands say before and behind the options."""

DESCRIPTION = """\
Who is where, in which pose, and which pixels are head, torso, arms and legs: joint
multi-person pose estimation and part segmentation (Xia et al., CVPR 2017)."""

EXAMPLES = """\
examples:
  posepart predict --sample -o out      two sample photos, to see it work
  posepart predict holiday/ -o out      every photo in a folder
  posepart predict --help               all that predict can do
  posepart explain beach.jpg --person 2 why this pose: every joint's terms and margin
  posepart evaluate --data D -o report  how good it is on labelled photos, as a page
  posepart models                       the installed models with their cards
  posepart synth -n 100 -o scenes       100 synthetic scenes with exact labels
  posepart data check scenes            what a data set holds, and what is wrong with it"""

PREDICT_DESCRIPTION = """\
Find the people in photos: 14 joints of every person, the body part of every pixel.

For a photo NAME the folder OUT receives
  NAME.json         the people: box, scores, joints, the optimiser's certificate
  NAME_parts.png    the part of every pixel (indexed colours)
  NAME_people.png   the person of every pixel (indexed colours, 0 = nobody)
  NAME_overlay.png  all of it drawn on the photo, shrunk to at most 2000 px
and for the run predictions.json (a COCO keypoint-results list) and run.json (the
settings). Where photos share a stem, NAME keeps their suffix. A run that was ended
early continues: photos that are complete in OUT are skipped."""

PREDICT_EXAMPLES = """\
examples:
  posepart predict --sample -o out
  posepart predict beach.jpg party.png -o out
  posepart predict holiday/ -o out --threads 2
  posepart predict holiday/ -o ablated --no-segment-term
  posepart predict holiday/ -o out --model my_models/run3
  posepart predict holiday/ -o out --pipeline.crf.solver.time_limit 2
  posepart predict --print_config > settings.yaml
  posepart predict holiday/ -o out --config settings.yaml

reproducibility:
  The same photos, settings and --threads on the same processor give the same
  pictures and predictions.json, byte for byte, as long as no search for poses runs
  into its time limit (--pipeline.crf.solver.time_limit; the status in NAME.json is then not
  "optimal"). NAME.json differs in its wall times ("seconds") only. --deterministic
  writes these as 0 and raises the time limit to an hour per box.

exit codes:
  0  all photos are done
  1  some photos failed, each named with its reason; the others are done
  2  nothing could be done
  130  interrupted"""

EXPLAIN_DESCRIPTION = """\
Why a pose is what it is: for every joint of a person the terms of the energy that
speak for it and against it, by feature, and its margin: what the best pose without
this candidate would cost more. Each margin is found by solving the person's CRF again.

Prints a table. For person K of a photo NAME the folder OUT receives
  NAME_explain_K.json  all numbers: joints, pairs by feature, candidates
  NAME_explain_K.png   the person with margins, runners-up and the price of every bone"""

EXPLAIN_EXAMPLES = """\
examples:
  posepart explain beach.jpg --person 2 -o out
  posepart explain beach.jpg                          everybody, into this folder
  posepart explain beach.jpg --person 2 --no-segment-term
  posepart explain beach.jpg --model my_models/run3 --pipeline.crf.solver.time_limit 10

With the settings of a run of posepart predict, K is the "id" in its NAME.json and the
number in its NAME_overlay.png.

exit codes:
  0  done
  2  nothing could be done
  130  interrupted"""

DATA_DESCRIPTION = """\
Check a data set before training or measuring on it: count what it holds, and list what
is wrong with it, each problem with its file and how to mend it.

Layouts that are recognised:
  people              DIR/person_keypoints_SPLIT.json (14 joints), DIR/images/;
                      posepart synth writes it
  COCO                DIR/annotations/person_keypoints_SPLIT2017.json (17 joints), DIR/SPLIT2017/
  PASCAL-Person-Part  DIR/SPLIT_id.txt, DIR/JPEGImages/, DIR/SegmentationPart/, DIR/PersonJoints/
The first two may have part maps in DIR/parts/NAME.png.

With -o OUT the folder OUT receives
  contact_sheet_SPLIT.jpg  photos of all sources with boxes, joints and parts; grey: ignored
  problems.txt             all problems; the terminal shows the first of each kind"""

DATA_EXAMPLES = """\
examples:
  posepart data check people/
  posepart data check people/ --split val -o checked
  posepart data check coco/ --decode -o checked

exit codes:
  0  nothing is wrong
  1  something is wrong with the data
  2  the data could not be checked
  130  interrupted"""

EVALUATE_DESCRIPTION = """\
How good a model is, measured end to end on labelled photos: runs the model over them, or
reads results that are there already, and writes a report.

The folder REPORT receives
  index.html    the report: the paper's Tables 1 to 4, precision-recall of every joint and of
                boxes, confusion of parts, errors of joints, calibration of their scores,
                time by stage, and the worst cases as pictures; needs no network
  tables.md     the tables as Markdown
  metrics.json  all numbers
  worst/        the pictures
All intervals are 95 % bootstrap intervals over photos. The figures need matplotlib
(pip install matplotlib, or posepart with its extra [report]).

--data takes the layouts that posepart data check --help names."""

EVALUATE_EXAMPLES = """\
examples:
  posepart evaluate --data people/ -o report
  posepart evaluate --data people/ --model my_models/run3 --threads 2 -o report
  posepart evaluate --data people/ --no-segment-term -o report_without
  posepart evaluate --data people/ --predictions out/ -o report     of posepart predict
  posepart evaluate --data coco/ --predictions theirs.json --name theirs -o report
  posepart evaluate --data scenes/ --split train --limit 100 -o report
  posepart evaluate --data people/ --subset pelota --people-per-photo 2 -o report

other systems:
  theirs.json is a COCO keypoint-results list, with posepart's 14 joints or COCO's 17. A
  photo is found by file_name or image_id; the third number of a joint is its score in
  [0, 1]. Such a list has no part maps, so parts are not measured.

exit codes:
  0  the report is written
  2  nothing could be done
  130  interrupted"""
